"""``python -m srgan``: the command line where no script lies on the path."""

from srgan.cli.main import run

if __name__ == "__main__":
    run()
