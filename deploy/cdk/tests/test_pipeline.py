"""The pipeline: no stored key, pinned actions, and a role for one repository and one environment."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
import yaml
from cdk_nag import AwsSolutionsChecks

import pipeline
from system import CDK_FOLDER, REPOSITORY_ROOT

WORKFLOWS = sorted((REPOSITORY_ROOT / ".github/workflows").glob("*.yml"))
BIN = Path(sys.executable).parent


@pytest.fixture(params=WORKFLOWS, ids=lambda file: file.name)
def workflow(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    text = request.param.read_text()
    return text, yaml.safe_load(text)


def _steps(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in document["jobs"].values() for step in job["steps"]]


def test_a_workflow_may_do_nothing_but_what_a_job_asks_for(workflow: tuple[str, dict[str, Any]]):
    _, document = workflow

    assert document["permissions"] == {}
    for name, job in document["jobs"].items():
        releases = document["name"] == "Release"
        publishes = releases and name == "publish"
        assert set(job["permissions"]) <= {"contents", "id-token"} | ({"packages"} if releases else set())
        assert job["permissions"]["contents"] == ("write" if publishes else "read")
        assert job["timeout-minutes"] <= 120


def test_every_action_is_pinned_by_commit_with_its_version_beside_it(workflow: tuple[str, dict[str, Any]]):
    text, document = workflow
    used = [step["uses"] for step in _steps(document) if "uses" in step]

    assert used
    for action in used:
        assert re.search(rf"{re.escape(action)} # v\d+\.\d+\.\d+$", text, re.MULTILINE), action
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action), action


def test_each_step_is_one_make_target_or_three_lines_and_the_target_exists(workflow: tuple[str, dict[str, Any]]):
    _, document = workflow
    makefiles = "\n".join(
        (REPOSITORY_ROOT / file).read_text() for file in ("Makefile", "deploy/images.mk", "deploy/cdk/cdk.mk")
    )
    for command in (step["run"] for step in _steps(document) if "run" in step):
        assert len(command.splitlines()) <= 3, command
        for target in re.findall(r"\bmake ([a-z-]+)", command):
            assert re.search(rf"^{target}:", makefiles, re.MULTILINE), f"there is no make {target}"
        assert "${{" not in command, "an expression in a command is a way in"


def test_no_key_is_stored_and_cdks_express_is_never_used():
    everything = "\n".join([*(file.read_text() for file in WORKFLOWS), (CDK_FOLDER / "cdk.mk").read_text()])

    assert "secrets." not in everything
    assert "--express" not in everything
    assert "--hotswap" not in everything


def test_images_are_signed_and_verified_before_the_deployment_and_the_verdict_is_in_the_summary():
    document = yaml.safe_load((REPOSITORY_ROOT / ".github/workflows/deploy.yml").read_text())
    job = document["jobs"]["deploy"]
    targets = [match[1] for step in job["steps"] if (match := re.match(r"make ([a-z-]+)", step.get("run", "")))]

    assert targets == ["preflight", "publish", "sbom", "sign-images", "verify-images", "deploy", "status"]
    assert job["environment"] == "${{ inputs.stage }}"
    assert job["steps"][-1]["if"] == "always()"
    assert "GITHUB_STEP_SUMMARY" in job["steps"][-1]["run"]


@pytest.mark.parametrize("command", [["actionlint"], ["zizmor", "--offline", "--quiet", ".github"]])
def test_the_linters_of_workflows_have_nothing_to_say(command: list[str]):
    result = subprocess.run(
        [BIN / command[0], *command[1:]], cwd=REPOSITORY_ROOT, capture_output=True, text=True, check=False
    )

    assert result.returncode == 0, result.stdout + result.stderr


def _synthesised(tmp_path: Path, **context: str) -> dict[str, Any]:
    app = cdk.App(outdir=str(tmp_path), context=context, builtin_cloud_formation_validation=False)
    stack = pipeline.compose(app)
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    app.synth()
    return json.loads((tmp_path / stack.template_file).read_text())["Resources"]


def test_the_role_is_for_one_repository_and_environment_and_may_only_assume_the_bootstrap_roles(tmp_path: Path):
    resources = _synthesised(tmp_path, repository="owner/name", environment="prod")
    [role] = [each["Properties"] for each in resources.values() if each["Type"] == "AWS::IAM::Role"]
    [trust] = role["AssumeRolePolicyDocument"]["Statement"]
    [policy] = [each["Properties"] for each in resources.values() if each["Type"] == "AWS::IAM::Policy"]
    [statement] = policy["PolicyDocument"]["Statement"]

    assert trust["Condition"] == {
        "StringEquals": {
            "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
            "token.actions.githubusercontent.com:sub": "repo:owner/name:environment:prod",
        }
    }
    assert statement["Action"] == "sts:AssumeRole"
    assert len(statement["Resource"]) == 4
    assert all(":role/cdk-hnb659fds-" in str(resource) for resource in statement["Resource"])
    assert [each["Type"] for each in resources.values()].count("AWS::IAM::OIDCProvider") == 1


def test_an_accounts_provider_can_be_given_because_there_is_only_one(tmp_path: Path):
    arn = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"

    resources = _synthesised(tmp_path, repository="owner/name", environment="dev", oidc_provider_arn=arn)

    assert "AWS::IAM::OIDCProvider" not in {each["Type"] for each in resources.values()}


@pytest.mark.parametrize(("repository", "environment"), [("name", "prod"), ("owner/name", "*"), ("*/*", "prod")])
def test_a_pattern_instead_of_one_repository_is_refused(repository: str, environment: str):
    with pytest.raises(SystemExit, match="causeway: "):
        pipeline.compose(cdk.App(context={"repository": repository, "environment": environment}))
