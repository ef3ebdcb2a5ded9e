# The bucket that StarRocks writes its snapshots to, and what StarRocks may do there. The functions need
# no access: they speak to StarRocks only.

locals {
  bucket_name = var.bucket == null ? aws_s3_bucket.this[0].bucket : var.bucket.name
  bucket_arn  = "arn:${data.aws_partition.current.partition}:s3:::${local.bucket_name}"
}

resource "aws_s3_bucket" "this" {
  #checkov:skip=CKV_AWS_18:a log of access needs a second bucket and its own retention, which an account has or does not want
  #checkov:skip=CKV_AWS_144:a second region doubles the cost; replicate this bucket, or bring one that is
  #checkov:skip=CKV2_AWS_62:nobody waits for objects; the state machines say when a backup is complete

  count = var.bucket == null ? 1 : 0

  bucket = "${var.name_prefix}-${local.account}-${local.region}"
  # Not a variable: no destroy ever takes the backups with it.
  force_destroy       = false
  object_lock_enabled = var.bucket_object_lock
  tags                = var.tags
}

resource "aws_s3_bucket_public_access_block" "this" {
  count = length(aws_s3_bucket.this)

  bucket                  = aws_s3_bucket.this[0].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_policy" "this" {
  count = length(aws_s3_bucket.this)

  bucket = aws_s3_bucket.this[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "TlsOnly"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [local.bucket_arn, "${local.bucket_arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })

  depends_on = [aws_s3_bucket_public_access_block.this]
}

resource "aws_s3_bucket_versioning" "this" {
  count = length(aws_s3_bucket.this)

  bucket = aws_s3_bucket.this[0].id
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  count = length(aws_s3_bucket.this)

  bucket = aws_s3_bucket.this[0].id
  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm     = var.bucket_kms_key == null ? "AES256" : "aws:kms"
      kms_master_key_id = var.bucket_kms_key == null ? null : var.bucket_kms_key.arn
    }
    bucket_key_enabled = var.bucket_kms_key != null
  }
}

# No rule expires a current object by its age: an incremental needs its full however old that is, so only
# retention, which knows the chains, may say what is no longer needed.
resource "aws_s3_bucket_lifecycle_configuration" "this" {
  count = length(aws_s3_bucket.this)

  bucket = aws_s3_bucket.this[0].id

  rule {
    id     = "abort-uploads"
    status = "Enabled"
    filter {}
    abort_incomplete_multipart_upload {
      days_after_initiation = 2
    }
  }

  # StarRocks uploads under NAME.part and renames, which leaves a noncurrent copy of everything.
  rule {
    id     = "forget-replaced-and-deleted"
    status = "Enabled"
    filter {}
    noncurrent_version_expiration {
      noncurrent_days = var.undelete_days + 7
    }
    expiration {
      expired_object_delete_marker = true
    }
  }

  dynamic "rule" {
    for_each = var.bucket_transition[*]
    content {
      id     = "transition"
      status = "Enabled"
      filter {}
      transition {
        days          = rule.value.days
        storage_class = rule.value.storage_class
      }
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}

# For the instance profile of the StarRocks nodes. It cannot delete a version, so what a stolen node
# deletes can be brought back.
resource "aws_iam_policy" "repository" {
  name        = "${var.name_prefix}-repository"
  description = "What StarRocks needs to back up to and restore from its repository"
  tags        = var.tags
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          # Not narrowed by s3:prefix: a HEAD of an object that does not exist is 404 only for who may
          # list the bucket, and has no prefix to compare. StarRocks takes 403 for a failure.
          Sid      = "List"
          Effect   = "Allow"
          Action   = ["s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:GetBucketLocation"]
          Resource = local.bucket_arn
        },
        {
          Sid      = "Objects"
          Effect   = "Allow"
          Action   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
          Resource = "${local.bucket_arn}/${var.bucket_prefix}/*"
        },
      ],
      var.bucket_kms_key == null ? [] : [{
        Sid      = "Key"
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource = var.bucket_kms_key.arn
      }],
    )
  })
}

resource "aws_iam_role_policy_attachment" "repository" {
  for_each = var.starrocks_role_names

  role       = each.key
  policy_arn = aws_iam_policy.repository.arn
}
