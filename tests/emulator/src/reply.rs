//! What a statement answers: a result set, an OK, or an error with code and SQLSTATE.

/// One cell as the text protocol carries it; `None` is SQL NULL.
pub type Cell = Option<String>;

/// MySQL column types as they appear in a column definition packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum WireType {
    Tiny = 1,
    Short = 2,
    Long = 3,
    Float = 4,
    Double = 5,
    LongLong = 8,
    Date = 10,
    Time = 11,
    DateTime = 12,
    NewDecimal = 246,
    Blob = 252,
    VarString = 253,
    String = 254,
}

/// Character set ids of column definitions: UTF-8 for text, binary for numbers and times.
pub const CHARSET_UTF8: u16 = 33;
pub const CHARSET_BINARY: u16 = 63;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    pub wire_type: WireType,
    pub length: u32,
    pub charset: u16,
    pub decimals: u8,
}

impl Column {
    /// A text column whose declared width is `chars` characters: the wire length is in bytes of UTF-8.
    pub fn varchar(name: impl Into<String>, chars: u32) -> Column {
        Column {
            name: name.into(),
            wire_type: WireType::VarString,
            length: chars * 3,
            charset: CHARSET_UTF8,
            decimals: 0,
        }
    }

    /// The shape of nearly every SHOW column: VARCHAR(30).
    pub fn show(name: impl Into<String>) -> Column {
        Column::varchar(name, 30)
    }

    pub fn bigint(name: impl Into<String>) -> Column {
        Column {
            name: name.into(),
            wire_type: WireType::LongLong,
            length: 20,
            charset: CHARSET_BINARY,
            decimals: 0,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResultSet {
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<Cell>>,
}

/// The OK packet: `info` carries StarRocks' `{'label':..., 'status':..., 'txnId':...}`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ok {
    pub affected: u64,
    pub warnings: u16,
    pub info: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    Rows(ResultSet),
    Ok(Ok),
}

impl Reply {
    pub fn ok() -> Reply {
        Reply::Ok(Ok::default())
    }
}

/// An ERR packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlError {
    pub code: u16,
    pub sqlstate: &'static str,
    pub message: String,
}

impl SqlError {
    pub fn new(code: u16, sqlstate: &'static str, message: impl Into<String>) -> SqlError {
        SqlError {
            code,
            sqlstate,
            message: message.into(),
        }
    }

    /// 1064/HY000 with the bare text: what StarRocks answers where it sets no code of its own.
    pub fn plain(message: impl Into<String>) -> SqlError {
        SqlError::new(1064, "HY000", message)
    }

    /// 1064/HY000 `Getting analyzing error. Detail message: <detail>.`
    pub fn analyzing(detail: impl AsRef<str>) -> SqlError {
        SqlError::plain(format!(
            "Getting analyzing error. Detail message: {}.",
            detail.as_ref()
        ))
    }

    /// 5064/42000 with the bare text: StarRocks' catch-all for DDL.
    pub fn ddl(message: impl Into<String>) -> SqlError {
        SqlError::new(5064, "42000", message)
    }

    /// 5501/3F000 from the analyzer.
    pub fn unknown_database(name: &str) -> SqlError {
        SqlError::new(
            5501,
            "3F000",
            format!("Getting analyzing error. Detail message: Unknown database '{name}'."),
        )
    }
}

pub type SqlResult<T = Reply> = Result<T, SqlError>;
