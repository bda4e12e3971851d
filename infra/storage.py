"""The table and the bucket: what must outlive the stack."""

from typing import Final

from infra.resources import Stack, arn, document, only_tls, ref, sub, when
from provisioning.adapters.aws import keys

TABLE: Final = "Table"
BUCKET: Final = "Bucket"
REJECTED_DAYS: Final = 90  # rejected bodies are personal data: an operator has this long to look at them
DELIVERY_DAYS: Final = 1  # what was too large for a message: no reference to it lives longer than twelve hours
RECONCILED_DAYS: Final = 90  # reports of reconciliations, and files of runs that nobody ended
EXTRACT_DAYS: Final = 90  # files for SPs, and parts that no manifest names

POLLED_DAYS: Final = 400  # lists of keys: of a source that is read once a year, the last one must still be there


def add_storage(stack: Stack) -> None:
    """Add the table of all state, and the bucket of published bundles and rejected bodies."""
    stack.add(
        TABLE,
        "AWS::DynamoDB::Table",
        {
            **keys.TABLE_DEFINITION,
            "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
            "TimeToLiveSpecification": {"AttributeName": keys.EXPIRES, "Enabled": True},
            "DeletionProtectionEnabled": ref("DeletionProtection"),
            "SSESpecification": when("HasKey", {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": ref("KeyArn")}),
        },
        DeletionPolicy="Retain",
        UpdateReplacePolicy="Retain",
    )
    stack.add(
        BUCKET,
        "AWS::S3::Bucket",
        {
            "BucketEncryption": {
                "ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": _encryption()}]
            },
            "PublicAccessBlockConfiguration": {
                "BlockPublicAcls": True,
                "BlockPublicPolicy": True,
                "IgnorePublicAcls": True,
                "RestrictPublicBuckets": True,
            },
            "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
            "LifecycleConfiguration": {
                "Rules": [
                    {
                        "Id": "rejected",
                        "Status": "Enabled",
                        "Prefix": "rejected/",
                        "ExpirationInDays": REJECTED_DAYS,
                    },
                    {
                        "Id": "extracts",
                        "Status": "Enabled",
                        "Prefix": "extracts/",
                        "ExpirationInDays": EXTRACT_DAYS,
                    },
                    {
                        "Id": "polled",
                        "Status": "Enabled",
                        "Prefix": "polled/",
                        "ExpirationInDays": POLLED_DAYS,
                    },
                    {
                        "Id": "reconciled",
                        "Status": "Enabled",
                        "Prefix": "reconciled/",
                        "ExpirationInDays": RECONCILED_DAYS,
                    },
                    {
                        "Id": "deliveries",
                        "Status": "Enabled",
                        "Prefix": "deliveries/",
                        "ExpirationInDays": DELIVERY_DAYS,
                    },
                ]
            },
        },
        DeletionPolicy="Retain",
        UpdateReplacePolicy="Retain",
    )
    stack.add(
        "BucketPolicy",
        "AWS::S3::BucketPolicy",
        {
            "Bucket": ref(BUCKET),
            "PolicyDocument": document(only_tls("s3:*", [arn(BUCKET), sub("${Bucket.Arn}/*")])),
        },
    )
    stack.output("Table", "The table of all state", ref(TABLE))
    stack.output("Bucket", "The bucket of published bundles and rejected bodies", ref(BUCKET))


def tell_of_files(stack: Stack, prefix: str, queue: str) -> None:
    """Let S3 send a message to a queue for each object that arrives in our bucket under a prefix.

    S3 tries the queue when this is set, so the queue's policy must be there before.
    """
    bucket = stack.resources[BUCKET]
    told = bucket["Properties"].setdefault("NotificationConfiguration", {}).setdefault("QueueConfigurations", [])
    rules = [{"Name": "prefix", "Value": prefix}]
    told.append({"Event": "s3:ObjectCreated:*", "Queue": arn(queue), "Filter": {"S3Key": {"Rules": rules}}})
    bucket.setdefault("DependsOn", []).append(f"{queue}Policy")


def _encryption() -> object:
    return when("HasKey", {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": ref("KeyArn")}, {"SSEAlgorithm": "AES256"})
