//! Prepared statements. StarRocks prepares SELECT only; everything else is refused by 1295.

use std::{collections::BTreeMap, io};

use super::{
    packet::{Reader, malformed},
    response::Response,
};
use crate::{
    engine::Engine,
    parse::token::{Token, tokenize},
    reply::{Column, Reply, SqlError, SqlResult, WireType},
    session::Session,
};

#[derive(Debug, Default)]
pub struct Statements {
    last_id: u32,
    open: BTreeMap<u32, Statement>,
}

#[derive(Debug)]
struct Statement {
    /// The text between parameters: one piece more than there are parameters.
    pieces: Vec<String>,
    /// Types that the client sent last; it may leave them out when it executes again.
    types: Vec<(u8, bool)>,
    /// Values that came by COM_STMT_SEND_LONG_DATA.
    long_data: BTreeMap<usize, Vec<u8>>,
}

impl Statement {
    fn parameters(&self) -> usize {
        self.pieces.len() - 1
    }

    fn render(&self, values: &[String]) -> String {
        let mut sql = self.pieces[0].clone();
        for (value, piece) in values.iter().zip(&self.pieces[1..]) {
            sql.push_str(value);
            sql.push_str(piece);
        }
        sql
    }
}

impl Statements {
    /// The columns of the answer are found by running the statement with NULL for each parameter.
    pub fn prepare(
        &mut self,
        engine: &mut Engine,
        session: &mut Session,
        sql: &str,
        response: &mut Response,
    ) {
        match self.try_prepare(engine, session, sql) {
            Ok((columns, parameters)) => {
                let mut out = vec![0];
                out.extend_from_slice(&self.last_id.to_le_bytes());
                out.extend_from_slice(&(columns.len() as u16).to_le_bytes());
                out.extend_from_slice(&(parameters as u16).to_le_bytes());
                out.extend_from_slice(&[0, 0, 0]);
                response.packet(&out);
                if parameters > 0 {
                    for _ in 0..parameters {
                        response.column(&Column::varchar("?", 0));
                    }
                    response.eof(0);
                }
                if !columns.is_empty() {
                    for column in &columns {
                        response.column(column);
                    }
                    response.eof(0);
                }
            }
            Err(error) => response.error(&error),
        }
    }

    fn try_prepare(
        &mut self,
        engine: &mut Engine,
        session: &mut Session,
        sql: &str,
    ) -> SqlResult<(Vec<Column>, usize)> {
        let tokens = tokenize(sql)?;
        let is_select = matches!(&tokens.first().map(|spanned| &spanned.token),
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("select")
                || word.eq_ignore_ascii_case("with"));
        if !is_select {
            return Err(SqlError::new(
                1295,
                "HY000",
                "This command is not supported in the prepared statement protocol yet",
            ));
        }
        let mut pieces = Vec::new();
        let mut start = 0;
        for spanned in &tokens {
            if spanned.token == Token::Symbol("?".into()) {
                pieces.push(sql[start..spanned.start].to_owned());
                start = spanned.end;
            }
        }
        pieces.push(sql[start..].to_owned());
        let statement = Statement {
            pieces,
            types: Vec::new(),
            long_data: BTreeMap::new(),
        };
        let parameters = statement.parameters();
        let nulls = vec!["NULL".to_owned(); parameters];
        let columns = match engine.execute(session, &statement.render(&nulls))? {
            Reply::Rows(rows) => rows.columns,
            Reply::Ok(_) => Vec::new(),
        };
        self.last_id += 1;
        self.open.insert(self.last_id, statement);
        Ok((columns, parameters))
    }

    /// The statement's text with the client's values in it as literals.
    pub fn execute(&mut self, body: &[u8]) -> SqlResult<String> {
        let mut reader = Reader::new(body);
        let statement = self.find(&mut reader)?;
        let count = statement.parameters();
        let values = read_values(statement, &mut reader, count)
            .map_err(|_| SqlError::plain("malformed COM_STMT_EXECUTE packet"))?;
        statement.long_data.clear();
        Ok(statement.render(&values))
    }

    pub fn long_data(&mut self, body: &[u8]) -> io::Result<()> {
        let mut reader = Reader::new(body);
        let id = reader.integer(4)? as u32;
        let parameter = reader.integer(2)? as usize;
        let statement = self.open.get_mut(&id).ok_or_else(malformed)?;
        statement
            .long_data
            .entry(parameter)
            .or_default()
            .extend_from_slice(reader.rest());
        Ok(())
    }

    pub fn close(&mut self, body: &[u8]) -> io::Result<()> {
        let id = Reader::new(body).integer(4)? as u32;
        self.open.remove(&id);
        Ok(())
    }

    pub fn reset(&mut self, body: &[u8]) -> SqlResult<()> {
        self.find(&mut Reader::new(body))?.long_data.clear();
        Ok(())
    }

    fn find(&mut self, reader: &mut Reader<'_>) -> SqlResult<&mut Statement> {
        let id = reader.integer(4).unwrap_or_default() as u32;
        self.open.get_mut(&id).ok_or_else(|| {
            SqlError::new(
                1243,
                "HY000",
                format!("Unknown prepared statement handler ({id}) given to EXECUTE"),
            )
        })
    }
}

fn read_values(
    statement: &mut Statement,
    reader: &mut Reader<'_>,
    count: usize,
) -> io::Result<Vec<String>> {
    // Cursor type and iteration count.
    reader.bytes(1 + 4)?;
    if count == 0 {
        return Ok(Vec::new());
    }
    let nulls = reader.bytes(count.div_ceil(8))?.to_vec();
    if reader.integer(1)? == 1 {
        statement.types.clear();
        for _ in 0..count {
            let kind = reader.integer(1)? as u8;
            statement.types.push((kind, reader.integer(1)? & 0x80 != 0));
        }
    }
    let mut values = Vec::with_capacity(count);
    for index in 0..count {
        let (kind, unsigned) = *statement.types.get(index).ok_or_else(malformed)?;
        let value = match statement.long_data.get(&index) {
            Some(data) => literal(data),
            None if nulls[index / 8] & 1 << (index % 8) != 0 => "NULL".to_owned(),
            None => read_value(reader, kind, unsigned)?,
        };
        values.push(value);
    }
    Ok(values)
}

fn read_value(reader: &mut Reader<'_>, kind: u8, unsigned: bool) -> io::Result<String> {
    const NULL: u8 = 6;
    const TIMESTAMP: u8 = 7;
    const YEAR: u8 = 13;
    const INT24: u8 = 9;
    let mut integer = |size: usize| -> io::Result<String> {
        let value = reader.integer(size)?;
        let shift = 64 - 8 * size as u32;
        Ok(if unsigned {
            value.to_string()
        } else {
            ((value << shift) as i64 >> shift).to_string()
        })
    };
    match kind {
        NULL => Ok("NULL".to_owned()),
        k if k == WireType::Tiny as u8 => integer(1),
        k if k == WireType::Short as u8 || k == YEAR => integer(2),
        k if k == WireType::Long as u8 || k == INT24 => integer(4),
        k if k == WireType::LongLong as u8 => integer(8),
        k if k == WireType::Float as u8 => {
            let bits = reader.integer(4)? as u32;
            Ok(f32::from_bits(bits).to_string())
        }
        k if k == WireType::Double as u8 => Ok(f64::from_bits(reader.integer(8)?).to_string()),
        k if k == WireType::Date as u8 || k == WireType::DateTime as u8 || k == TIMESTAMP => {
            read_time(reader)
        }
        _ => Ok(literal(reader.length_prefixed()?)),
    }
}

fn read_time(reader: &mut Reader<'_>) -> io::Result<String> {
    let length = reader.integer(1)? as usize;
    let mut bytes = reader.bytes(length)?.to_vec();
    bytes.resize(11, 0);
    let mut part = Reader::new(&bytes);
    let (year, month, day) = (part.integer(2)?, part.integer(1)?, part.integer(1)?);
    let (hour, minute, second) = (part.integer(1)?, part.integer(1)?, part.integer(1)?);
    let micros = part.integer(4)?;
    Ok(match length {
        0..=4 => format!("'{year:04}-{month:02}-{day:02}'"),
        5..=7 => {
            format!("'{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}'")
        }
        _ => {
            format!("'{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{micros:06}'")
        }
    })
}

fn literal(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    format!("'{}'", text.replace('\\', r"\\").replace('\'', r"\'"))
}
