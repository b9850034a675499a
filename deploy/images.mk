# Images, the whole system in containers, and its fault tests. Included by the Makefile at the root.
#
# PROFILE=release builds sooner, after a change above all, and gives larger, slower programs than dist, the default.
# BUILDER, RUNTIME: base images. Where no registry can be reached: make images BASE=local, which CI uses.
# CA_CERTIFICATES: a file with authorities that cargo must trust in the build, for proxies that open TLS.

PROFILE ?= dist
BASE ?= $(if $(shell docker image inspect causeway-base/builder:1 2>/dev/null | grep -o causeway.base),local,registry)
TAG ?= local
export PROFILE BASE TAG

.PHONY: images up down test-faults sbom pin-bases release-files release-push release-publish

images: ## Build both services' images (PROFILE, BASE=local where no registry can be reached, TAG)
	@deploy/dev/containers/images

up: images ## Start the whole system in containers, on http://127.0.0.1:8080 (PORT)
	@deploy/dev/containers/compose up

down: ## Stop it and remove what it stored
	@deploy/dev/containers/compose down

test-faults: images ## Run the system under faults, on containers; some eight minutes (SCENARIO=part of a name)
	@deploy/dev/faults/run "$(SCENARIO)"

sbom: ## Write the bills of materials of both services (CycloneDX) to target/sbom
	@deploy/dev/sbom

pin-bases: ## Write the present digests of all base images into Dockerfiles and compose.yaml; needs a registry
	@deploy/dev/pin-bases

# What .github/workflows/release.yml runs: RELEASE=v0.1.0 REGISTRY=ghcr.io/owner/causeway.
release-files: ## Pack both images' programs with licence and SBOM into target/release-files
	@deploy/dev/release files

release-push: ## Push both images, each under a tag that names this machine's architecture
	@deploy/dev/release push

release-publish: ## Join, sign and attest the images of both architectures, and make the GitHub release
	@deploy/dev/release publish
