//! Names of accounts, privileges and kinds of objects.

use std::fmt;

/// `'user'@'host'`: the account that a session acts for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    pub user: String,
    /// `%` or an address.
    pub host: String,
}

impl Identity {
    pub fn new(user: impl Into<String>, host: impl Into<String>) -> Identity {
        Identity {
            user: user.into(),
            host: host.into(),
        }
    }

    pub fn root() -> Identity {
        Identity::new("root", "%")
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "'{}'@'{}'", self.user, self.host)
    }
}

macro_rules! privileges {
    ($($variant:ident = $name:literal,)*) => {
        /// In the order in which SHOW GRANTS lists them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Privilege {
            $($variant,)*
        }

        impl Privilege {
            pub fn name(self) -> &'static str {
                match self {
                    $(Privilege::$variant => $name,)*
                }
            }

            /// By its upper-case name.
            pub fn from_name(name: &str) -> Option<Privilege> {
                match name {
                    $($name => Some(Privilege::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

privileges! {
    Grant = "GRANT",
    Node = "NODE",
    Operate = "OPERATE",
    Delete = "DELETE",
    Drop = "DROP",
    Insert = "INSERT",
    Select = "SELECT",
    Alter = "ALTER",
    Export = "EXPORT",
    Update = "UPDATE",
    Usage = "USAGE",
    Plugin = "PLUGIN",
    File = "FILE",
    Blacklist = "BLACKLIST",
    Repository = "REPOSITORY",
    Refresh = "REFRESH",
    Impersonate = "IMPERSONATE",
    CreateDatabase = "CREATE DATABASE",
    CreateTable = "CREATE TABLE",
    CreateView = "CREATE VIEW",
    CreateFunction = "CREATE FUNCTION",
    CreateGlobalFunction = "CREATE GLOBAL FUNCTION",
    CreateMaterializedView = "CREATE MATERIALIZED VIEW",
    CreateResource = "CREATE RESOURCE",
    CreateResourceGroup = "CREATE RESOURCE GROUP",
    CreateExternalCatalog = "CREATE EXTERNAL CATALOG",
    CreateStorageVolume = "CREATE STORAGE VOLUME",
    CreateWarehouse = "CREATE WAREHOUSE",
    CreatePipe = "CREATE PIPE",
    Security = "SECURITY",
}

/// In the order in which SHOW GRANTS lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    Table,
    Database,
    System,
    User,
    View,
    Catalog,
    MaterializedView,
    Function,
}

impl ObjectKind {
    pub const ALL: [ObjectKind; 8] = [
        ObjectKind::Table,
        ObjectKind::Database,
        ObjectKind::System,
        ObjectKind::User,
        ObjectKind::View,
        ObjectKind::Catalog,
        ObjectKind::MaterializedView,
        ObjectKind::Function,
    ];

    pub fn name(self) -> &'static str {
        match self {
            ObjectKind::Table => "TABLE",
            ObjectKind::Database => "DATABASE",
            ObjectKind::System => "SYSTEM",
            ObjectKind::User => "USER",
            ObjectKind::View => "VIEW",
            ObjectKind::Catalog => "CATALOG",
            ObjectKind::MaterializedView => "MATERIALIZED VIEW",
            ObjectKind::Function => "FUNCTION",
        }
    }

    /// What can be granted on it.
    pub fn privileges(self) -> &'static [Privilege] {
        use Privilege::*;
        match self {
            ObjectKind::Table => &[Delete, Drop, Insert, Select, Alter, Export, Update, Refresh],
            ObjectKind::Database => &[
                Drop,
                Alter,
                CreateTable,
                CreateView,
                CreateFunction,
                CreateMaterializedView,
                CreatePipe,
            ],
            ObjectKind::System => &[
                Grant,
                Node,
                Operate,
                Plugin,
                File,
                Blacklist,
                Repository,
                CreateResource,
                CreateResourceGroup,
                CreateExternalCatalog,
                CreateGlobalFunction,
                CreateStorageVolume,
                CreateWarehouse,
                Security,
            ],
            ObjectKind::User => &[Impersonate],
            ObjectKind::View => &[Drop, Select, Alter],
            ObjectKind::Catalog => &[Usage, CreateDatabase, Drop, Alter],
            ObjectKind::MaterializedView => &[Drop, Select, Alter, Refresh],
            ObjectKind::Function => &[Usage, Drop],
        }
    }
}
