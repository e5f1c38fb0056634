"""PyAV, the binding to FFmpeg's libraries: an extra of its own."""

from types import ModuleType

from srgan.errors import UsageError

MISSING = 'video needs one more package: pip install "srgan[video]"'


def library() -> ModuleType:
    """The module ``av``.

    Raises:
        UsageError: PyAV is not installed, or too old.
    """
    try:
        import av
        import av.filter
        import av.subtitles.subtitle
    except ImportError as error:
        raise UsageError(MISSING) from error
    if int(av.__version__.split(".")[0]) < 18:
        raise UsageError(f'PyAV {av.__version__} is too old: pip install --upgrade "srgan[video]"')
    return av
