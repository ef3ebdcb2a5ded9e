# Ways out of a VPC that has no other. The functions need Secrets Manager and StarRocks, and nothing else:
# logs are written by Lambda, metrics are in the logs, events are sent by the state machines. The nodes of
# StarRocks need S3.

locals {
  has_secrets_endpoint = try(var.vpc_endpoints.secretsmanager, false)
  has_s3_endpoint      = length(try(var.vpc_endpoints.s3_route_table_ids, [])) > 0
}

# What a service is called differs between partitions.
data "aws_vpc_endpoint_service" "this" {
  for_each = merge(
    local.has_secrets_endpoint ? { secretsmanager = "Interface" } : {},
    local.has_s3_endpoint ? { s3 = "Gateway" } : {},
  )

  service      = each.key
  service_type = each.value
}

data "aws_vpc" "this" {
  count = local.has_secrets_endpoint ? 1 : 0

  id = var.vpc_endpoints.vpc_id
}

# With its private name the endpoint takes the requests of everybody in the VPC: so everybody in it may
# reach it, and what is refused is what nobody there should want, the secrets of another account.
resource "aws_vpc_endpoint" "secretsmanager" {
  count = local.has_secrets_endpoint ? 1 : 0

  vpc_id              = var.vpc_endpoints.vpc_id
  vpc_endpoint_type   = "Interface"
  service_name        = data.aws_vpc_endpoint_service.this["secretsmanager"].service_name
  subnet_ids          = var.vpc.subnet_ids
  security_group_ids  = [aws_security_group.secretsmanager[0].id]
  private_dns_enabled = true
  tags                = merge(var.tags, { Name = "${var.name_prefix}-secretsmanager" })
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "ThisAccount"
      Effect    = "Allow"
      Principal = "*"
      Action    = "secretsmanager:*"
      Resource  = "*"
      Condition = { StringEquals = {
        "aws:PrincipalAccount" = local.account
        "aws:ResourceAccount"  = local.account
      } }
    }]
  })
}

resource "aws_security_group" "secretsmanager" {
  count = local.has_secrets_endpoint ? 1 : 0

  name        = "${var.name_prefix}-secretsmanager"
  description = "The endpoint of Secrets Manager that ${var.name_prefix} reads its secret through"
  vpc_id      = var.vpc_endpoints.vpc_id
  tags        = merge(var.tags, { Name = "${var.name_prefix}-secretsmanager" })
}

resource "aws_vpc_security_group_ingress_rule" "secretsmanager" {
  count = local.has_secrets_endpoint ? 1 : 0

  security_group_id = aws_security_group.secretsmanager[0].id
  description       = "TLS from within the VPC"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = data.aws_vpc.this[0].cidr_block
  tags              = var.tags
}

# Without a policy of its own: it would hold for every bucket that is used over these route tables.
resource "aws_vpc_endpoint" "s3" {
  count = local.has_s3_endpoint ? 1 : 0

  vpc_id            = var.vpc_endpoints.vpc_id
  vpc_endpoint_type = "Gateway"
  service_name      = data.aws_vpc_endpoint_service.this["s3"].service_name
  route_table_ids   = var.vpc_endpoints.s3_route_table_ids
  tags              = merge(var.tags, { Name = "${var.name_prefix}-s3" })
}
