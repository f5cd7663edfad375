"""gantry-registry's ECR API against boto3 and the aws command line. Operations that the installed botocore is too old
for are called with signed requests of our own."""
import base64
import gzip
import hashlib
import json
import urllib.error
import urllib.request

import botocore.session
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from conftest import REGION, wait_until

AWS = "/usr/bin/aws"
ACCOUNT = "123456789012"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"

OPERATIONS = """
BatchCheckLayerAvailability BatchDeleteImage BatchGetImage BatchGetRepositoryScanningConfiguration CompleteLayerUpload
CreatePullThroughCacheRule CreateRepository CreateRepositoryCreationTemplate DeleteLifecyclePolicy
DeletePullThroughCacheRule DeleteRegistryPolicy DeleteRepository DeleteRepositoryCreationTemplate DeleteRepositoryPolicy
DeleteSigningConfiguration DeregisterPullTimeUpdateExclusion DescribeImageReplicationStatus DescribeImageScanFindings
DescribeImageSigningStatus DescribeImages DescribePullThroughCacheRules DescribeRegistry DescribeRepositories
DescribeRepositoryCreationTemplates GetAccountSetting GetAuthorizationToken GetDownloadUrlForLayer GetLifecyclePolicy
GetLifecyclePolicyPreview GetRegistryPolicy GetRegistryScanningConfiguration GetRepositoryPolicy GetSigningConfiguration
InitiateLayerUpload ListImageReferrers ListImages ListPullTimeUpdateExclusions ListTagsForResource PutAccountSetting
PutImage PutImageScanningConfiguration PutImageTagMutability PutLifecyclePolicy PutRegistryPolicy
PutRegistryScanningConfiguration PutReplicationConfiguration PutSigningConfiguration RegisterPullTimeUpdateExclusion
SetRepositoryPolicy StartImageScan StartLifecyclePolicyPreview TagResource UntagResource UpdateImageStorageClass
UpdatePullThroughCacheRule UpdateRepositoryCreationTemplate UploadLayerPart ValidatePullThroughCacheRule
""".split()

KEEP_ONE = json.dumps({"rules": [{"rulePriority": 1, "description": "keep the newest", "action": {"type": "expire"},
                                  "selection": {"tagStatus": "any", "countType": "imageCountMoreThan",
                                                "countNumber": 1}}]})
DENY_PUSH = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Deny", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/e2e"}, "Action": ["ecr:PutImage"]}]})


@pytest.fixture
def registry(stack):
    return f"http://{stack.registry()}"


@pytest.fixture
def ecr(stack, registry):
    client = stack.client("ecr", registry)
    client.create_repository(repositoryName="ns/app")
    return client


def digest_of(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


def upload(ecr, content):
    """A layer by ECR's layer calls."""
    begun = ecr.initiate_layer_upload(repositoryName="ns/app")
    size = begun["partSize"]
    for first in range(0, len(content), size):
        part = content[first:first + size]
        done = ecr.upload_layer_part(repositoryName="ns/app", uploadId=begun["uploadId"], partFirstByte=first,
                                     partLastByte=first + len(part) - 1, layerPartBlob=part)
        assert done["lastByteReceived"] == first + len(part) - 1
    done = ecr.complete_layer_upload(repositoryName="ns/app", uploadId=begun["uploadId"],
                                     layerDigests=[digest_of(content)])
    assert done["layerDigest"] == digest_of(content)


def push(ecr, tag, layer):
    """An image of one layer; its digest."""
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Labels": {"tag": tag}},
                         "rootfs": {"type": "layers", "diff_ids": []}}).encode()
    for content in (config, layer):
        layers = ecr.batch_check_layer_availability(repositoryName="ns/app", layerDigests=[digest_of(content)])
        if layers["layers"][0]["layerAvailability"] != "AVAILABLE":
            upload(ecr, content)
    manifest = json.dumps({
        "schemaVersion": 2, "mediaType": MANIFEST_TYPE,
        "config": {"mediaType": CONFIG_TYPE, "digest": digest_of(config), "size": len(config)},
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": digest_of(layer),
                    "size": len(layer)}]})
    image = ecr.put_image(repositoryName="ns/app", imageTag=tag, imageManifest=manifest)["image"]
    assert image["imageId"] == {"imageDigest": digest_of(manifest.encode()), "imageTag": tag}
    return image["imageId"]["imageDigest"]


def call(stack, registry, operation, body):
    """Status and JSON of an operation, whether or not the installed botocore knows it."""
    request = AWSRequest("POST", f"{registry}/", data=json.dumps(body), headers={
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": f"AmazonEC2ContainerRegistry_V20150921.{operation}"})
    SigV4Auth(Credentials(stack.key, stack.secret), "ecr", REGION).add_auth(request)
    sent = urllib.request.Request(request.url, data=request.data.encode(), headers=dict(request.headers))
    try:
        with urllib.request.urlopen(sent, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def refused(client, name, action):
    with pytest.raises(getattr(client.exceptions, name)) as caught:
        action()
    return caught.value.response["Error"]["Message"]


def test_every_operation_of_the_model_is_answered(stack, registry):
    assert len(set(OPERATIONS)) == 58
    known = botocore.session.get_session().get_service_model("ecr").operation_names
    assert set(known) <= set(OPERATIONS), "botocore knows an operation that isn't in the list"
    for operation in OPERATIONS:
        status, answer = call(stack, registry, operation, {})
        assert answer.get("__type") not in ("UnknownOperationException", "ServerException"), (operation, answer)
        assert status in (200, 400), (operation, answer)
    assert call(stack, registry, "Nonsense", {})[1]["__type"] == "UnknownOperationException"


def test_images_are_pushed_described_and_pulled_by_api(stack, registry, ecr):
    layer = gzip.compress(b"layer" * 1000, mtime=0) + bytes(11 << 20)
    digest = push(ecr, "v1", layer)
    described = ecr.describe_images(repositoryName="ns/app")["imageDetails"][0]
    assert described["imageDigest"] == digest and described["imageTags"] == ["v1"]
    assert described["imageSizeInBytes"] > len(layer)
    assert described["imageManifestMediaType"] == MANIFEST_TYPE and described["artifactMediaType"] == CONFIG_TYPE
    assert "lastRecordedPullTime" not in described
    got = ecr.batch_get_image(repositoryName="ns/app", imageIds=[{"imageTag": "v1"}, {"imageTag": "none"}],
                              acceptedMediaTypes=[MANIFEST_TYPE])
    assert digest_of(got["images"][0]["imageManifest"].encode()) == digest
    assert got["failures"][0]["failureCode"] == "ImageNotFound"
    assert "lastRecordedPullTime" in ecr.describe_images(repositoryName="ns/app")["imageDetails"][0]
    url = ecr.get_download_url_for_layer(repositoryName="ns/app", layerDigest=digest_of(layer))["downloadUrl"]
    with urllib.request.urlopen(url, timeout=20) as answer:
        assert answer.read() == layer
    assert "already exists" in refused(ecr, "ImageAlreadyExistsException", lambda: ecr.put_image(
        repositoryName="ns/app", imageTag="v1", imageManifest=got["images"][0]["imageManifest"]))
    deleted = ecr.batch_delete_image(repositoryName="ns/app", imageIds=[{"imageDigest": digest}])
    assert deleted["imageIds"] == [{"imageDigest": digest, "imageTag": "v1"}] and deleted["failures"] == []
    assert ecr.list_images(repositoryName="ns/app")["imageIds"] == []


def test_pages_go_on_where_they_ended(ecr):
    for number in range(5):
        ecr.create_repository(repositoryName=f"pages/{number}")
        push(ecr, f"t{number}", f"layer {number}".encode())
    names = [repository["repositoryName"] for page in
             ecr.get_paginator("describe_repositories").paginate(PaginationConfig={"PageSize": 2})
             for repository in page["repositories"]]
    assert names == ["ns/app"] + [f"pages/{number}" for number in range(5)]
    for operation, key in (("list_images", "imageIds"), ("describe_images", "imageDetails")):
        pages = list(ecr.get_paginator(operation).paginate(repositoryName="ns/app", PaginationConfig={"PageSize": 2}))
        assert [len(page[key]) for page in pages] == [2, 2, 1]


def test_lifecycle_policies_are_previewed_and_applied(ecr):
    push(ecr, "v1", b"old")
    push(ecr, "v2", b"new")
    assert "does not exist" in refused(ecr, "LifecyclePolicyNotFoundException",
                                       lambda: ecr.get_lifecycle_policy(repositoryName="ns/app"))
    started = ecr.start_lifecycle_policy_preview(repositoryName="ns/app", lifecyclePolicyText=KEEP_ONE)
    assert started["status"] == "IN_PROGRESS"
    ecr.get_waiter("lifecycle_policy_preview_complete").wait(repositoryName="ns/app", WaiterConfig={"Delay": 1})
    preview = ecr.get_lifecycle_policy_preview(repositoryName="ns/app")
    assert preview["summary"]["expiringImageTotalCount"] == 1
    assert preview["previewResults"][0]["imageTags"] == ["v1"]
    assert preview["previewResults"][0]["action"] == {"type": "EXPIRE"}
    ecr.put_lifecycle_policy(repositoryName="ns/app", lifecyclePolicyText=KEEP_ONE)
    assert ecr.get_lifecycle_policy(repositoryName="ns/app")["lifecyclePolicyText"] == KEEP_ONE
    wait_until("the older image is expired", lambda: [
        image["imageTag"] for image in ecr.list_images(repositoryName="ns/app")["imageIds"]] == ["v2"])
    assert ecr.delete_lifecycle_policy(repositoryName="ns/app")["lifecyclePolicyText"] == KEEP_ONE
    broken = KEEP_ONE.replace("imageCountMoreThan", "sinceImagePushed")
    assert "Lifecycle policy validation failure" in refused(ecr, "InvalidParameterException", lambda: (
        ecr.put_lifecycle_policy(repositoryName="ns/app", lifecyclePolicyText=broken)))


def test_repository_policies_are_enforced(stack, registry, ecr):
    push(ecr, "v1", b"layer")
    ecr.set_repository_policy(repositoryName="ns/app", policyText=DENY_PUSH)
    assert ecr.get_repository_policy(repositoryName="ns/app")["policyText"] == DENY_PUSH
    with pytest.raises(ecr.exceptions.ClientError) as caught:
        push(ecr, "v2", b"another")
    assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    assert base64.b64decode(token).startswith(b"AWS:")
    request = urllib.request.Request(f"{registry}/v2/ns/app/manifests/v2", data=b"{}", method="PUT",
                                     headers={"Authorization": f"Basic {token}", "Content-Type": MANIFEST_TYPE})
    with pytest.raises(urllib.error.HTTPError) as denied:
        urllib.request.urlopen(request, timeout=20)
    assert denied.value.code == 403 and json.load(denied.value)["errors"][0]["code"] == "DENIED"
    assert ecr.delete_repository_policy(repositoryName="ns/app")["policyText"] == DENY_PUSH
    push(ecr, "v2", b"another")


def test_tags_are_immutable_but_for_exclusions(stack, registry, ecr):
    ecr.put_image_tag_mutability(repositoryName="ns/app", imageTagMutability="IMMUTABLE")
    push(ecr, "v1", b"one")
    assert "immutable" in refused(ecr, "ImageTagAlreadyExistsException", lambda: push(ecr, "v1", b"two"))
    status, answer = call(stack, registry, "PutImageTagMutability", {
        "repositoryName": "ns/app", "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
        "imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": "dev-*"}]})
    assert status == 200, answer
    push(ecr, "dev-1", b"three")
    push(ecr, "dev-1", b"four")
    refused(ecr, "ImageTagAlreadyExistsException", lambda: push(ecr, "v1", b"two"))


def test_resources_are_tagged(ecr):
    arn = ecr.describe_repositories(repositoryNames=["ns/app"])["repositories"][0]["repositoryArn"]
    ecr.tag_resource(resourceArn=arn, tags=[{"Key": "team", "Value": "a"}, {"Key": "x", "Value": "y"}])
    ecr.untag_resource(resourceArn=arn, tagKeys=["x"])
    assert ecr.list_tags_for_resource(resourceArn=arn)["tags"] == [{"Key": "team", "Value": "a"}]
    refused(ecr, "TooManyTagsException", lambda: ecr.tag_resource(
        resourceArn=arn, tags=[{"Key": f"k{number}", "Value": ""} for number in range(51)]))
    refused(ecr, "RepositoryNotFoundException", lambda: ecr.list_tags_for_resource(resourceArn=arn + "x"))


def test_what_the_registry_keeps_outlives_kill_9(stack, registry, ecr):
    ecr.set_repository_policy(repositoryName="ns/app", policyText=DENY_PUSH)
    ecr.put_lifecycle_policy(repositoryName="ns/app", lifecyclePolicyText=KEEP_ONE)
    status, answer = call(stack, registry, "CreateRepositoryCreationTemplate",
                          {"prefix": "team", "appliedFor": ["CREATE_ON_PUSH"]})
    assert status == 200, answer
    stack.processes[-1].kill()
    stack.processes[-1].wait(20)
    again = f"http://{stack.registry()}"
    ecr = stack.client("ecr", again)
    assert ecr.get_repository_policy(repositoryName="ns/app")["policyText"] == DENY_PUSH
    assert ecr.get_lifecycle_policy(repositoryName="ns/app")["lifecyclePolicyText"] == KEEP_ONE
    templates = call(stack, again, "DescribeRepositoryCreationTemplates", {})[1]["repositoryCreationTemplates"]
    assert [template["prefix"] for template in templates] == ["team"]


def test_the_command_line_calls_every_tier_1_operation(stack, registry):
    def aws(*arguments, fails=None):
        done = stack.run(AWS, "--endpoint-url", registry, "--output", "json", "ecr", *arguments)
        if fails:
            assert done.returncode != 0 and f"({fails})" in done.stderr, (arguments, done.stdout, done.stderr)
            return None
        assert done.returncode == 0, (arguments, done.stderr)
        return json.loads(done.stdout) if done.stdout.strip().startswith("{") else done.stdout

    def file(name, content):
        path = stack.folder / name
        path.write_bytes(content)
        return path

    assert aws("get-login-password").startswith("gantry1.")
    assert aws("get-authorization-token")["authorizationData"][0]["proxyEndpoint"] == registry
    arn = aws("create-repository", "--repository-name", "cli/app")["repository"]["repositoryArn"]
    app = ("--repository-name", "cli/app")
    for content in (b"{}", b"layer"):
        begun = aws("initiate-layer-upload", *app)["uploadId"]
        aws("upload-layer-part", *app, "--upload-id", begun, "--part-first-byte", "0", "--part-last-byte",
            str(len(content) - 1), "--layer-part-blob", f"fileb://{file('part', content)}")
        aws("complete-layer-upload", *app, "--upload-id", begun, "--layer-digests", digest_of(content))
    layers = aws("batch-check-layer-availability", *app, "--layer-digests", digest_of(b"layer"))["layers"]
    assert layers[0]["layerAvailability"] == "AVAILABLE"
    assert "/v2/cli/app/blobs/" in aws("get-download-url-for-layer", *app, "--layer-digest",
                                       digest_of(b"layer"))["downloadUrl"]
    manifest = json.dumps({
        "schemaVersion": 2, "mediaType": MANIFEST_TYPE,
        "config": {"mediaType": CONFIG_TYPE, "digest": digest_of(b"{}"), "size": 2},
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": digest_of(b"layer"),
                    "size": 5}]})
    image = aws("put-image", *app, "--image-tag", "v1", "--image-manifest", f"file://{file('m', manifest.encode())}")
    assert image["image"]["imageId"]["imageDigest"] == digest_of(manifest.encode())
    assert aws("list-images", *app)["imageIds"][0]["imageTag"] == "v1"
    assert aws("describe-images", *app)["imageDetails"][0]["imageSizeInBytes"] == 7
    assert aws("batch-get-image", *app, "--image-ids", "imageTag=v1")["images"]
    aws("put-image-tag-mutability", *app, "--image-tag-mutability", "MUTABLE")
    lifecycle = f"file://{file('lifecycle.json', KEEP_ONE.encode())}"
    aws("put-lifecycle-policy", *app, "--lifecycle-policy-text", lifecycle)
    aws("get-lifecycle-policy", *app)
    aws("start-lifecycle-policy-preview", *app)
    aws("wait", "lifecycle-policy-preview-complete", *app)
    assert aws("get-lifecycle-policy-preview", *app)["status"] == "COMPLETE"
    aws("delete-lifecycle-policy", *app)
    aws("get-lifecycle-policy", *app, fails="LifecyclePolicyNotFoundException")
    aws("set-repository-policy", *app, "--policy-text", f"file://{file('policy.json', DENY_PUSH.encode())}")
    aws("get-repository-policy", *app)
    aws("delete-repository-policy", *app)
    aws("get-repository-policy", *app, fails="RepositoryPolicyNotFoundException")
    aws("tag-resource", "--resource-arn", arn, "--tags", "Key=a,Value=b")
    assert aws("list-tags-for-resource", "--resource-arn", arn)["tags"] == [{"Key": "a", "Value": "b"}]
    aws("untag-resource", "--resource-arn", arn, "--tag-keys", "a")
    assert aws("describe-registry")["replicationConfiguration"] == {"rules": []}
    assert aws("describe-repositories")["repositories"][0]["repositoryName"] == "cli/app"
    aws("delete-repository", *app, fails="RepositoryNotEmptyException")
    aws("batch-delete-image", *app, "--image-ids", "imageTag=v1")
    aws("delete-repository", *app)
    aws("describe-repositories", "--repository-names", "cli/app", fails="RepositoryNotFoundException")
