import re

import pytest

from srgan.errors import UsageError
from srgan.server.limits import ServerLimits, resolve, table


def test_a_flag_wins_over_the_environment_and_that_over_the_default() -> None:
    environment = {"SRGAN_QUEUE_JOBS": "7", "SRGAN_MAX_UPLOAD_MB": "1.5"}
    limits = resolve({"queue_jobs": 3}, environment)
    assert limits.queue_jobs == 3
    assert limits.max_upload_mb == 1.5
    assert limits.uploads == ServerLimits().uploads


@pytest.mark.parametrize("value", ["0", "-1", "many", "nan", ""])
def test_a_value_without_meaning_is_refused_by_the_name_it_came_under(value: str) -> None:
    with pytest.raises(UsageError, match="SRGAN_QUEUE_JOBS"):
        resolve({}, {"SRGAN_QUEUE_JOBS": value})


def test_a_fraction_of_a_job_is_refused() -> None:
    with pytest.raises(UsageError, match="--queue-jobs"):
        resolve({"queue_jobs": 0}, {})


def test_every_limit_has_a_flag_a_variable_a_unit_and_words() -> None:
    rows = table()
    assert len({row.flag for row in rows}) == len(rows) >= 20
    for row in rows:
        assert re.fullmatch(r"--[a-z-]+", row.flag)
        assert re.fullmatch(r"SRGAN_[A-Z_]+", row.variable)
        assert row.unit
        assert row.help
        assert row.default > 0


def test_megapixels_become_pixels() -> None:
    limits = resolve({"max_input_mp": 0.5, "max_output_mp": 2, "max_frames": 9}, {}).picture
    assert (limits.input_pixels, limits.output_pixels, limits.frames) == (500_000, 2_000_000, 9)
