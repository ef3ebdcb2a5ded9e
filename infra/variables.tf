# What may be made by somebody else is an object with the one attribute that is needed, so that Terraform
# knows whether it is there before its ARN is.

variable "secret_arn" {
  description = "ARN of the Secrets Manager secret that holds host, port, username and password of StarRocks as JSON. Only its ARN: a value given to Terraform would be in the state."
  type        = string
  validation {
    condition     = can(regex("^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:", var.secret_arn))
    error_message = "secret_arn is the ARN of a secret, arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME, and never its value."
  }
}

variable "secret_kms_key" {
  description = "The customer managed key that the secret is encrypted with, if it is not the account's own for Secrets Manager."
  type        = object({ arn = string })
  default     = null
}

variable "packages" {
  description = "Folder with the six zips that infra/package makes."
  type        = string
}

variable "architecture" {
  description = "What infra/package built for: arm64 or x86_64."
  type        = string
  default     = "arm64"
  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture is arm64 or x86_64."
  }
}

variable "repository" {
  description = "StarRocks repository that snapshots go to. The output create_repository makes one of this name."
  type        = string
  validation {
    condition     = can(regex("^[A-Za-z][A-Za-z0-9_]{0,63}$", var.repository))
    error_message = "repository begins with a letter and has letters, digits and underscores, at most 64."
  }
}

variable "ops_database" {
  description = "StarRocks database of the program's own tables."
  type        = string
  default     = "ops"
}

variable "time_zone" {
  description = "Zone of the date in labels, and of the day by which kind auto decides what is due."
  type        = string
  default     = "UTC"
}

variable "window_hours" {
  description = "How long a backup is meant to take. A BACKUP that takes longer goes on to twice that, unless its input says on_overdue: cancel; StarRocks ends a RESTORE after twice that as well, and never before a day. The state machines end later, and only if something hangs."
  type        = number
  default     = 24
  validation {
    condition     = var.window_hours >= 1 && var.window_hours <= 53 && floor(var.window_hours) == var.window_hours
    error_message = "window_hours is a whole number from 1 to 53: a longer backup would fill the history of its execution."
  }
}

variable "cancel_on_abort" {
  description = "Cancel the BACKUP of an execution that somebody stops or that runs out of time. Otherwise StarRocks goes on with it, and the next execution takes it over: most of the work is done."
  type        = bool
  default     = false
}

variable "environment" {
  description = "More environment variables of the functions, as in the README's configuration table."
  type        = map(string)
  default     = {}
  validation {
    condition     = alltrue([for name in keys(var.environment) : startswith(name, "STARROCKS_") && !strcontains(name, "PASSWORD")])
    error_message = "Names begin with STARROCKS_, and the password belongs into the secret."
  }
}

variable "schedules" {
  description = "When which group is backed up, as cron(15 4 * * ? *) of EventBridge Scheduler. One schedule a day is enough: kind auto decides what is due by the policy, which is a full on Sunday and incrementals on the other days. timezone is time_zone if it is left out."
  type = map(object({
    group      = string
    expression = string
    kind       = optional(string, "auto")
    timezone   = optional(string)
    enabled    = optional(bool, true)
    # Of a BACKUP that takes longer than window_hours: continue, or cancel.
    on_overdue = optional(string)
    # The heartbeat calls a group overdue when its newest good backup is older than both together.
    interval_hours = optional(number, 24)
    grace_hours    = optional(number, 6)
    policy = optional(object({
      full_on      = optional(string)
      monthly_days = optional(number)
      weekly_days  = optional(number)
      daily_days   = optional(number)
    }))
  }))
  default = {}
  validation {
    condition     = alltrue([for name in keys(var.schedules) : !contains(["audit", "heartbeat"], name) && !startswith(name, "ping-")])
    error_message = "The schedules 'audit', 'heartbeat' and 'ping-...' are the module's own."
  }
  validation {
    condition     = alltrue([for schedule in var.schedules : contains(["auto", "full", "incremental"], schedule.kind)])
    error_message = "kind is auto, full or incremental."
  }
  validation {
    condition     = alltrue([for schedule in var.schedules : schedule.on_overdue == null || contains(["continue", "cancel"], coalesce(schedule.on_overdue, "continue"))])
    error_message = "on_overdue is continue or cancel."
  }
  validation {
    condition     = alltrue([for schedule in var.schedules : schedule.policy == null || schedule.kind == "auto"])
    error_message = "A policy decides only for kind auto."
  }
  validation {
    condition     = alltrue([for schedule in var.schedules : can(regex("^(cron|rate|at)\\(.+\\)$", schedule.expression))])
    error_message = "expression is cron(...), rate(...) or at(...)."
  }
  # In spring an hour of the night does not exist, and what is scheduled in it is skipped:
  # https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#daylist-savings-time
  validation {
    condition = var.allow_dst_gap || alltrue([
      for schedule in var.schedules : contains(["UTC", "Etc/UTC"], coalesce(schedule.timezone, var.time_zone)) || !can(regex("^cron\\(\\S+ (\\*.*|.*\\b0?[0-3]\\b.*)( \\S+){4}\\)$", schedule.expression))
    ])
    error_message = "Between 00:00 and 03:59 a day without that hour has no backup: schedule later, in UTC, or set allow_dst_gap."
  }
}

variable "audit" {
  description = "When the repository is compared with the recorded backups, or null for never. The execution fails if a recorded backup cannot be restored any more."
  type = object({
    expression = string
    timezone   = optional(string, "UTC")
  })
  default = { expression = "cron(0 9 ? * MON *)" }
}

variable "allow_dst_gap" {
  description = "Accept that a schedule between 00:00 and 03:59 local time is skipped on the day when clocks go forward."
  type        = bool
  default     = false
}

variable "bucket" {
  description = "A bucket of your own. Without it one is made. Versioning, encryption and lifecycle of yours stay yours."
  type        = object({ name = string })
  default     = null
}

variable "bucket_prefix" {
  description = "Where the repository lies in the bucket."
  type        = string
  default     = "starrocks"
  validation {
    condition     = can(regex("^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$", var.bucket_prefix))
    error_message = "bucket_prefix has letters, digits, underscores, hyphens and single slashes between them."
  }
}

variable "bucket_kms_key" {
  description = "A customer managed key for the bucket that is made. Without it S3 encrypts with its own."
  type        = object({ arn = string })
  default     = null
}

variable "bucket_transition" {
  description = "Move objects of the bucket that is made to a cheaper class after so many days. Of the classes only those that RESTORE reads at once."
  type        = object({ storage_class = string, days = number })
  default     = null
  validation {
    condition     = var.bucket_transition == null ? true : contains(["INTELLIGENT_TIERING", "GLACIER_IR"], var.bucket_transition.storage_class) && var.bucket_transition.days >= 0
    error_message = "bucket_transition.storage_class is INTELLIGENT_TIERING or GLACIER_IR, after 0 days or more: RESTORE cannot read what has to be brought back from an archive first."
  }
}

variable "bucket_object_lock" {
  description = "Make the bucket with Object Lock; an existing one would be replaced. No retention is set: where yours is a default of the bucket, S3 refuses uploads without a checksum, and `starrocks-br doctor --probe` tells whether StarRocks can still write."
  type        = bool
  default     = false
}

variable "undelete_days" {
  description = "How long an object that was deleted or overwritten can be brought back. Seven days more are kept, to notice."
  type        = number
  default     = 30
  validation {
    condition     = var.undelete_days >= 1
    error_message = "undelete_days is at least 1."
  }
}

variable "starrocks_role_names" {
  description = "Roles of the StarRocks nodes' instance profile, which get access to the repository's objects."
  type        = set(string)
  default     = []
}

variable "databases" {
  description = "Databases that are backed up, for the output grants."
  type        = list(string)
  default     = []
}

variable "topic" {
  description = "An SNS topic of your own for alarms. Without it one is made. CloudWatch must be allowed to publish to yours."
  type        = object({ arn = string })
  default     = null
}

variable "dashboard" {
  description = "Make a CloudWatch dashboard. The first three of an account are free."
  type        = bool
  default     = true
}

variable "vpc" {
  description = "Where the functions run when StarRocks cannot be reached from outside. They need a way to Secrets Manager: see vpc_endpoints."
  type = object({
    subnet_ids         = list(string)
    security_group_ids = list(string)
  })
  default = null
}

variable "vpc_endpoints" {
  description = "Ways out to make in a VPC that has none. secretsmanager: an interface in each subnet of vpc, which AWS bills by the hour; a VPC can have only one. s3_route_table_ids: those of the subnets of StarRocks' nodes; it costs nothing."
  type = object({
    vpc_id             = string
    secretsmanager     = optional(bool, false)
    s3_route_table_ids = optional(list(string), [])
  })
  default = null
  validation {
    condition     = var.vpc != null || !try(var.vpc_endpoints.secretsmanager, false)
    error_message = "The endpoint of Secrets Manager is made in the subnets of vpc."
  }
}

variable "log_retention_days" {
  description = "How long the logs of functions and state machines are kept."
  type        = number
  default     = 30
}

variable "name_prefix" {
  description = "Begins every name, so that two instances live in one account and region."
  type        = string
  default     = "starrocks-br"
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,23}$", var.name_prefix))
    error_message = "name_prefix begins with a lower-case letter and has lower-case letters, digits and hyphens, at most 24."
  }
}

variable "permissions_boundary" {
  description = "ARN of the policy that bounds every role."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of everything that can have them."
  type        = map(string)
  default     = {}
}
