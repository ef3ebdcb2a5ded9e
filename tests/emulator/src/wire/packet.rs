//! Packets of the MySQL protocol: framing, and the integers and strings inside them.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// A longer payload is cut into packets of this size; a packet of exactly this size is followed by
/// another one.
const MAX_PAYLOAD: usize = 0xff_ffff;

/// Reads one payload, put together from as many packets as it was cut into. Gives the sequence
/// number that an answer starts with.
pub async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<(Vec<u8>, u8)> {
    let mut payload = Vec::new();
    loop {
        let mut header = [0; 4];
        stream.read_exact(&mut header).await?;
        let length =
            usize::from(header[0]) | usize::from(header[1]) << 8 | usize::from(header[2]) << 16;
        let start = payload.len();
        payload.resize(start + length, 0);
        stream.read_exact(&mut payload[start..]).await?;
        if length < MAX_PAYLOAD {
            return Ok((payload, header[3].wrapping_add(1)));
        }
    }
}

/// Appends `payload` to `out` as packets, numbered from `sequence` on.
pub fn frame(out: &mut Vec<u8>, sequence: &mut u8, payload: &[u8]) {
    let mut rest = payload;
    loop {
        let (head, tail) = rest.split_at(rest.len().min(MAX_PAYLOAD));
        let length = u32::try_from(head.len()).expect("at most 24 bits");
        out.extend_from_slice(&length.to_le_bytes()[..3]);
        out.push(*sequence);
        out.extend_from_slice(head);
        *sequence = sequence.wrapping_add(1);
        rest = tail;
        if head.len() < MAX_PAYLOAD {
            return;
        }
    }
}

pub fn put_length(out: &mut Vec<u8>, value: u64) {
    let bytes = value.to_le_bytes();
    match value {
        0..=0xfa => out.push(bytes[0]),
        0xfb..=0xffff => {
            out.push(0xfc);
            out.extend_from_slice(&bytes[..2]);
        }
        0x1_0000..=0xff_ffff => {
            out.push(0xfd);
            out.extend_from_slice(&bytes[..3]);
        }
        _ => {
            out.push(0xfe);
            out.extend_from_slice(&bytes);
        }
    }
}

/// A string with its length in front.
pub fn put_text(out: &mut Vec<u8>, text: &[u8]) {
    put_length(out, text.len() as u64);
    out.extend_from_slice(text);
}

/// Reads a payload from front to back. Every read past the end is an error that the caller answers
/// as a malformed packet.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn new(payload: &'a [u8]) -> Reader<'a> {
        Reader { rest: payload }
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub fn bytes(&mut self, count: usize) -> io::Result<&'a [u8]> {
        if self.rest.len() < count {
            return Err(malformed());
        }
        let (head, tail) = self.rest.split_at(count);
        self.rest = tail;
        Ok(head)
    }

    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// A little-endian integer of `size` bytes.
    pub fn integer(&mut self, size: usize) -> io::Result<u64> {
        Ok(self
            .bytes(size)?
            .iter()
            .rev()
            .fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    pub fn length(&mut self) -> io::Result<u64> {
        match self.integer(1)? {
            0xfc => self.integer(2),
            0xfd => self.integer(3),
            0xfe => self.integer(8),
            short => Ok(short),
        }
    }

    pub fn length_prefixed(&mut self) -> io::Result<&'a [u8]> {
        let length = self.length()?;
        self.bytes(usize::try_from(length).map_err(|_| malformed())?)
    }

    /// Bytes up to a zero, which is read too. Without a zero: all that is left.
    pub fn zero_terminated(&mut self) -> &'a [u8] {
        match self.rest.iter().position(|byte| *byte == 0) {
            Some(end) => {
                let head = &self.rest[..end];
                self.rest = &self.rest[end + 1..];
                head
            }
            None => self.rest(),
        }
    }
}

pub fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "malformed packet")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_beyond_16_mb_are_cut_and_put_together_again() {
        for size in [0, 5, MAX_PAYLOAD - 1, MAX_PAYLOAD, MAX_PAYLOAD + 7] {
            let payload = vec![7; size];
            let mut framed = Vec::new();
            let mut sequence = 250;
            frame(&mut framed, &mut sequence, &payload);
            let packets = size / MAX_PAYLOAD + 1;
            assert_eq!(framed.len(), size + 4 * packets);
            let runtime = tokio::runtime::Builder::new_current_thread()
                .build()
                .unwrap();
            let (read, next) = runtime.block_on(read(&mut framed.as_slice())).unwrap();
            assert_eq!(read.len(), size);
            assert_eq!(next, sequence);
        }
    }

    #[test]
    fn lengths_round_trip() {
        for value in [0, 250, 251, 65_535, 65_536, 0xff_ffff, 0x100_0000, u64::MAX] {
            let mut out = Vec::new();
            put_length(&mut out, value);
            let mut reader = Reader::new(&out);
            assert_eq!(reader.length().unwrap(), value);
            assert!(reader.is_empty());
        }
    }
}
