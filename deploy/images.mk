# Images, the whole system in containers, and its fault tests. Included by the Makefile at the root.
#
# PROFILE=release builds faster, above all after a change; its programs are larger and slower than those of dist, the default.
# BUILDER, RUNTIME: base images. Without a registry, use make images BASE=local, as CI does.
# CA_CERTIFICATES: a file with authorities that cargo must trust in the build, for proxies that intercept TLS.

PROFILE ?= dist
BASE ?= $(if $(shell docker image inspect causeway-base/builder:1 2>/dev/null | grep -o causeway.base),local,registry)
TAG ?= local
export PROFILE BASE TAG

.PHONY: images up down test-faults sbom pin-bases release-files release-push release-publish

images: ## Build the images of both services and the doctor (PROFILE, BASE=local without a registry, TAG)
	@deploy/dev/containers/images

up: images ## Start the whole system in containers, on http://127.0.0.1:8080 (PORT)
	@deploy/dev/containers/compose up

down: ## Stop the system that `make up` started, and remove its data
	@deploy/dev/containers/compose down

test-faults: images ## Test the system in containers under faults, in some eight minutes (SCENARIO=part of a name)
	@deploy/dev/faults/run "$(SCENARIO)"

sbom: ## Write the bills of materials of both services and the doctor (CycloneDX) to target/sbom
	@deploy/dev/sbom

pin-bases: ## Write the current digests of all base images into Dockerfiles and compose.yaml; needs a registry
	@deploy/dev/pin-bases

# What .github/workflows/release.yml runs: RELEASE=v0.1.0 REGISTRY=ghcr.io/owner/causeway.
release-files: ## Pack the images' programs with licence and SBOM into target/release-files
	@deploy/dev/release files

release-push: ## Push the images, each under a tag that names this machine's architecture
	@deploy/dev/release push

release-publish: ## Join, sign and attest the images of both architectures, and create the GitHub release
	@deploy/dev/release publish
