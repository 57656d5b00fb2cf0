"""The script that custom data becomes at a guest's first boot; it also reports unsupported keys."""

import subprocess
from pathlib import Path

import pytest

from vmops.local.guests.first_boot import script


def said(custom_data: str) -> str:
    """Run the script of custom data, which must change nothing here."""
    made = script(custom_data.encode(), "mlos")
    return subprocess.run(["sh", "-c", made.decode()], capture_output=True, text=True, check=True).stdout


def test_a_script_is_run_with_its_interpreter() -> None:
    """Without custom data there is none."""
    assert script(b"#!/usr/bin/python3\nprint()", "mlos") == b"#!/usr/bin/python3\nprint()"
    assert script(b"", "mlos") == b""


def test_bootcmd_and_runcmd_run_in_order_and_independently(tmp_path: Path) -> None:
    """A command that fails or exits does not stop the others."""
    written = tmp_path / "written"
    config = f"""#cloud-config
runcmd:
- exit 3
- [sh, -c, 'echo "$1 $2" >>{written}', x, two words, b]
- echo last >>{written}
bootcmd:
- echo first >>{written}
"""
    assert said(config) == ""
    assert written.read_text().splitlines() == ["first", "two words b", "last"]


def test_write_files_writes_content_exactly(tmp_path: Path) -> None:
    """With parent directories, in either encoding, and with characters that a shell would interpret."""
    config = f"""#cloud-config
write_files:
- path: {tmp_path}/it's/a file
  content: "$HOME 'x'\\n"
  permissions: '0600'
- path: {tmp_path}/coded
  encoding: b64
  content: aGVsbG8=
- path: {tmp_path}/coded
  content: " again"
  append: true
"""
    assert said(config) == ""
    first = tmp_path / "it's" / "a file"
    assert (first.read_text(), first.stat().st_mode & 0o777) == ("$HOME 'x'\n", 0o600)
    assert (tmp_path / "coded").read_text() == "hello again"


@pytest.mark.parametrize(
    ("custom_data", "what"),
    [
        ("#cloud-config\npackages: [htop]\n", "packages"),
        ("#cloud-config\nusers: [default, {name: ada}]\n", "users"),
        ("#cloud-config\nno-such-key: 1\n", "no-such-key"),
        ("#cloud-config\nruncmd: 5\n", "runcmd, whose value is not understood"),
        ("#cloud-config\nwrite_files:\n- {path: /x, encoding: gz, content: x}\n", "write_files, whose value"),
        ("#cloud-config\n- a list\n", "#cloud-config, which is no mapping"),
        ("#cloud-config\na: [\n", "#cloud-config, which is no YAML"),
        ("Content-Type: multipart/mixed\n", "custom data that is MIME"),
        ("hello", "custom data that begins neither with #! nor with #cloud-config"),
    ],
)
def test_unsupported_modules_are_reported(custom_data: str, what: str) -> None:
    """Never a silent success."""
    assert said(custom_data).startswith(f"not done by a local guest: {what}")


def test_default_user_and_empty_config_are_not_reported() -> None:
    """The default user is there, and an empty cloud-config is nothing."""
    assert said("#cloud-config\nusers: [default]\n") == ""
    assert script(b"#cloud-config\n", "mlos") == b""
