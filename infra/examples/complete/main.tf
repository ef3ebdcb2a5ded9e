# Everything, for one StarRocks cluster. `terraform init && terraform apply`, after infra/package.

terraform {
  required_version = ">= 1.9"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

provider "aws" {
  region = var.region
}

module "starrocks_br" {
  source = "../.."

  name_prefix          = var.name_prefix
  secret_arn           = var.secret_arn
  packages             = var.packages
  architecture         = var.architecture
  repository           = "backups"
  databases            = var.databases
  starrocks_role_names = var.starrocks_role_names
  vpc                  = var.vpc
  vpc_endpoints        = var.vpc_endpoints

  # Two databases or twenty: a group says which. A full on Sunday, an incremental on the other days.
  schedules = {
    nightly = {
      group      = "nightly"
      expression = "cron(15 4 * * ? *)"
    }
  }

  tags = { application = "starrocks-br" }
}

resource "aws_sns_topic_subscription" "alarms" {
  count = var.alarm_email == null ? 0 : 1

  topic_arn = module.starrocks_br.topic_arn
  protocol  = "email"
  endpoint  = var.alarm_email
}
