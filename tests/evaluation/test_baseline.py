"""The committed figures are repeated to a hundredth of a dB."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from srgan.cli import main

BASELINE = Path(__file__).parents[2] / "benchmarks" / "baseline.json"


def test_the_committed_baseline_is_repeated(shared: Path, tmp_path: Path) -> None:
    arguments = ["benchmark", "--data", str(shared / "data" / "test"), "--sets", "Set5"]
    arguments += ["--methods", "nearest,bilinear,bicubic,lanczos2,lanczos3,zeyde"]
    arguments += ["--measures", "psnr_y,ssim_y,psnr_y_float,psnr_rgb,psnr_daala,ssim_daala"]
    arguments += ["--no-cost", "--panels", "0", "-o", str(tmp_path)]
    result = CliRunner().invoke(main.build(), [*arguments, "--baseline", str(BASELINE)])
    assert result.exception is None, result.output
    assert (tmp_path / "report.html").stat().st_size > 5000

    changed = tmp_path / "changed.json"
    changed.write_text(BASELINE.read_text().replace('"psnr_y": 28.4', '"psnr_y": 28.5'))
    again = CliRunner().invoke(main.build(), [*arguments, "--baseline", str(changed)])
    with pytest.raises(Exception, match=r"means differ from .*changed\.json"):
        raise again.exception or AssertionError("the change was not noticed")
