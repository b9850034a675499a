"""The operations as commands: without an account, each says in one line what is missing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from system import CDK_FOLDER, REPOSITORY_ROOT
from test_docs import COMMANDS

WITHOUT_ACCOUNT = ("preflight", "bootstrap", "deploy", "status", "logs", "drift", "rollback")
"""Targets that ask AWS before they do anything else."""


def _no_account(home: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "AWS_REGION": "eu-west-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(home / "none"),
    }


@pytest.mark.parametrize(
    ("command", "environment", "expected"),
    [
        ("status", {}, "no AWS credentials were found: run aws sso login, or export AWS_PROFILE="),
        ("logs", {"AWS_PROFILE": "nobody"}, "The config profile (nobody) could not be found"),
        ("rollback", {"AWS_REGION": ""}, "no region is set: export AWS_REGION="),
        ("reachable", {}, "no AWS credentials were found"),
    ],
)
def test_without_credentials_or_region_each_command_says_so_in_one_line_and_fails(
    command: str, environment: dict[str, str], expected: str, tmp_path: Path
):
    bare = {**_no_account(tmp_path), **environment}
    result = subprocess.run(
        [sys.executable, "-m", "operations", command],
        cwd=CDK_FOLDER,
        env={name: value for name, value in bare.items() if value},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert (result.returncode, result.stdout) == (1, "")
    [line] = result.stderr.splitlines()
    assert expected in line


def test_a_setting_that_cannot_be_meant_ends_each_command_alike():
    result = subprocess.run(
        [sys.executable, "-m", "operations", "status", "-c", "databse_max_acu=3"],
        cwd=CDK_FOLDER,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert result.returncode == 64
    assert result.stderr.startswith("causeway: databse_max_acu: not a setting; did you mean")


@pytest.mark.parametrize(
    "command",
    sorted(
        {
            f"{target} {arguments}".strip()
            for _, target, arguments in COMMANDS
            if target in WITHOUT_ACCOUNT and "…" not in arguments and arguments != "NAME=value"
        }
    ),
)
def test_each_command_of_the_documents_runs_up_to_its_first_call_of_aws(command: str, tmp_path: Path):
    # The Python packages are there already: these tests run with them.
    result = subprocess.run(
        ["make", "--no-print-directory", "--old-file=deploy/cdk/.venv/deploy", *command.split()],
        cwd=REPOSITORY_ROOT,
        env=_no_account(tmp_path),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert result.returncode == 2, result.stdout
    assert "no AWS credentials were found" in result.stdout + result.stderr
    assert "Traceback" not in result.stderr
