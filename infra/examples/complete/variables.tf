variable "region" {
  type = string
}

variable "secret_arn" {
  type = string
}

variable "databases" {
  type    = list(string)
  default = []
}

variable "starrocks_role_names" {
  type    = set(string)
  default = []
}

variable "vpc" {
  type = object({
    subnet_ids         = list(string)
    security_group_ids = list(string)
  })
  default = null
}

variable "vpc_endpoints" {
  type = object({
    vpc_id             = string
    secretsmanager     = optional(bool, false)
    s3_route_table_ids = optional(list(string), [])
  })
  default = null
}

variable "alarm_email" {
  type    = string
  default = null
}

variable "packages" {
  description = "Where infra/package put the zips."
  type        = string
  default     = "../../../target/packages"
}

variable "architecture" {
  type    = string
  default = "arm64"
}

variable "name_prefix" {
  type    = string
  default = "starrocks-br"
}
