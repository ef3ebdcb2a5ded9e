//! A MySQL client that shows what the protocol carries: column types and lengths, flags, status.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use starrocks_emulator::wire::packet::{Reader, frame, put_text};

use crate::recording::{Answer, Column, Greeting, OkAnswer, ServerError};

pub struct Client {
    stream: TcpStream,
}

impl Client {
    /// The greeting, and the client or the error that ended the login.
    pub fn connect(
        address: SocketAddr,
        user: &str,
        password: &str,
        database: &str,
    ) -> (Greeting, Result<Client, ServerError>) {
        let stream = TcpStream::connect(address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        let mut client = Client { stream };
        let hello = client.read();
        let mut reader = Reader::new(&hello);
        reader.integer(1).unwrap();
        let server_version = text(reader.zero_terminated());
        reader.integer(4).unwrap();
        let mut salt = reader.bytes(8).unwrap().to_vec();
        reader.integer(1).unwrap();
        let low = reader.integer(2).unwrap();
        let charset = reader.integer(1).unwrap();
        let status = reader.integer(2).unwrap();
        let capabilities = low | reader.integer(2).unwrap() << 16;
        reader.bytes(11).unwrap();
        salt.extend_from_slice(reader.bytes(12).unwrap());
        reader.integer(1).unwrap();
        let plugin = text(reader.zero_terminated());
        let greeting = Greeting {
            server_version,
            capabilities,
            status,
            charset: if charset == 33 { "utf8mb3" } else { "?" }.to_owned(),
            plugin,
        };

        // LONG_PASSWORD, LONG_FLAG, CONNECT_WITH_DB, PROTOCOL_41, SECURE_CONNECTION,
        // MULTI_STATEMENTS, MULTI_RESULTS, PLUGIN_AUTH.
        let mut login = 0x000b_820d_u32.to_le_bytes().to_vec();
        login.extend_from_slice(&0x100_0000_u32.to_le_bytes());
        login.push(45);
        login.extend_from_slice(&[0; 23]);
        login.extend_from_slice(user.as_bytes());
        login.push(0);
        put_text(&mut login, &scramble(&salt, password));
        login.extend_from_slice(database.as_bytes());
        login.push(0);
        login.extend_from_slice(b"mysql_native_password\0");
        client.write(1, &login);
        let reply = client.read();
        let result = match reply[0] {
            0xff => Err(error(&reply)),
            _ => Ok(client),
        };
        (greeting, result)
    }

    fn write(&mut self, mut sequence: u8, payload: &[u8]) {
        let mut out = Vec::new();
        frame(&mut out, &mut sequence, payload);
        self.stream.write_all(&out).unwrap();
    }

    fn read(&mut self) -> Vec<u8> {
        let mut payload = Vec::new();
        loop {
            let mut header = [0; 4];
            self.stream.read_exact(&mut header).unwrap();
            let length = u32::from_le_bytes([header[0], header[1], header[2], 0]) as usize;
            let start = payload.len();
            payload.resize(start + length, 0);
            self.stream.read_exact(&mut payload[start..]).unwrap();
            if length < 0xff_ffff {
                return payload;
            }
        }
    }

    fn command(&mut self, command: u8, body: &str) {
        let mut payload = vec![command];
        payload.extend_from_slice(body.as_bytes());
        self.write(0, &payload);
    }

    /// All answers to a text: one a statement.
    pub fn query(&mut self, sql: &str) -> Vec<Answer> {
        self.command(3, sql);
        let mut answers = Vec::new();
        loop {
            let (answer, status) = self.answer();
            answers.push(answer);
            if status & 8 == 0 {
                return answers;
            }
        }
    }

    pub fn init_db(&mut self, name: &str) -> Answer {
        self.command(2, name);
        self.answer().0
    }

    /// Counts of columns and parameters.
    pub fn prepare(&mut self, sql: &str) -> Answer {
        self.command(0x16, sql);
        let first = self.read();
        if first[0] == 0xff {
            return Answer::Error(error(&first));
        }
        let mut reader = Reader::new(&first[5..]);
        let columns = reader.integer(2).unwrap();
        let parameters = reader.integer(2).unwrap();
        for count in [parameters, columns] {
            if count > 0 {
                for _ in 0..count {
                    self.read();
                }
                assert_eq!(self.read()[0], 0xfe, "definitions end in EOF");
            }
        }
        Answer::Prepared {
            columns,
            params: parameters,
        }
    }

    fn answer(&mut self) -> (Answer, u64) {
        let first = self.read();
        match first[0] {
            0xff => (Answer::Error(error(&first)), 0),
            0 => {
                let mut reader = Reader::new(&first[1..]);
                let affected = reader.length().unwrap();
                reader.length().unwrap();
                let status = reader.integer(2).unwrap();
                let warnings = reader.integer(2).unwrap();
                let ok = OkAnswer {
                    affected: Some(affected),
                    warnings,
                    status: status & !8,
                    info: text(reader.rest()),
                };
                (Answer::Ok(ok), status)
            }
            _ => {
                let count = Reader::new(&first).length().unwrap();
                let columns = (0..count).map(|_| column(&self.read())).collect();
                self.eof();
                let mut rows = Vec::new();
                loop {
                    let packet = self.read();
                    if packet[0] == 0xfe && packet.len() < 9 {
                        let status = Reader::new(&packet[3..]).integer(2).unwrap();
                        return (Answer::Rows { columns, rows }, status);
                    }
                    if packet[0] == 0xff {
                        return (Answer::Error(error(&packet)), 0);
                    }
                    let mut reader = Reader::new(&packet);
                    rows.push((0..count).map(|_| cell(&mut reader)).collect());
                }
            }
        }
    }

    fn eof(&mut self) {
        assert_eq!(self.read()[0], 0xfe, "columns end in EOF");
    }
}

fn cell(reader: &mut Reader<'_>) -> Option<String> {
    let mut ahead = reader.clone();
    if ahead.integer(1).unwrap() == 0xfb {
        *reader = ahead;
        return None;
    }
    Some(text(reader.length_prefixed().unwrap()))
}

fn column(packet: &[u8]) -> Column {
    let mut reader = Reader::new(packet);
    assert_eq!(reader.length_prefixed().unwrap(), b"def");
    let db = text(reader.length_prefixed().unwrap());
    let table = text(reader.length_prefixed().unwrap());
    reader.length_prefixed().unwrap();
    let name = text(reader.length_prefixed().unwrap());
    reader.length_prefixed().unwrap();
    reader.integer(1).unwrap();
    let charset = reader.integer(2).unwrap();
    let length = reader.integer(4).unwrap();
    let kind = reader.integer(1).unwrap();
    let flags = reader.integer(2).unwrap();
    Column {
        name,
        kind: type_name(kind).to_owned(),
        length,
        charset,
        flags,
        decimals: reader.integer(1).unwrap(),
        table,
        db,
    }
}

/// Names as the recordings have them: 1 is CHAR there, an alias of TINY.
fn type_name(kind: u64) -> &'static str {
    match kind {
        1 => "CHAR",
        2 => "SHORT",
        3 => "LONG",
        4 => "FLOAT",
        5 => "DOUBLE",
        8 => "LONGLONG",
        10 => "DATE",
        11 => "TIME",
        12 => "DATETIME",
        246 => "NEWDECIMAL",
        252 => "BLOB",
        253 => "VAR_STRING",
        254 => "STRING",
        _ => "UNKNOWN",
    }
}

fn error(packet: &[u8]) -> ServerError {
    let mut reader = Reader::new(&packet[1..]);
    let code = reader.integer(2).unwrap();
    assert_eq!(reader.bytes(1).unwrap(), b"#");
    ServerError {
        code,
        sqlstate: text(reader.bytes(5).unwrap()),
        message: text(reader.rest()),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn scramble(salt: &[u8], password: &str) -> Vec<u8> {
    use sha1::{Digest, Sha1};
    if password.is_empty() {
        return Vec::new();
    }
    let once = Sha1::digest(password.as_bytes());
    let mask = Sha1::new()
        .chain_update(salt)
        .chain_update(Sha1::digest(once))
        .finalize();
    once.iter().zip(mask).map(|(a, b)| a ^ b).collect()
}
