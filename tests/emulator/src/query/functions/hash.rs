//! Digests and hashes.

use md5::{Digest, Md5};
use rusqlite::types::Value;
use sha2::{Sha224, Sha256, Sha384, Sha512};
use xxhash_rust::{xxh3::xxh3_64_with_seed, xxh32::xxh32, xxh64::xxh64};

use super::{
    ANY, Arguments, Outcome,
    Returns::{BigInt, Int, LargeInt, Text},
    Scalar, text_value,
};

pub(super) const FUNCTIONS: &[Scalar] = &[
    Scalar::new("md5", (1, 1), Text, |arguments| {
        text_value(hex::encode(Md5::digest(arguments.bytes(0))))
    }),
    Scalar::new("md5sum", (1, ANY), Text, |arguments| {
        text_value(hex::encode(md5_of_all(arguments)))
    })
    .sees_null(),
    Scalar::new("md5sum_numeric", (1, ANY), LargeInt, |arguments| {
        // The digest's 128 bits, read as a LARGEINT.
        let number = i128::from_be_bytes(md5_of_all(arguments));
        text_value(number.to_string())
    })
    .sees_null(),
    Scalar::new("sha2", (2, 2), Text, sha2),
    Scalar::new("crc32", (1, 1), BigInt, |arguments| {
        Ok(Value::Integer(crc32(&arguments.bytes(0)).into()))
    }),
    Scalar::new("murmur_hash3_32", (1, ANY), Int, |arguments| {
        let hash =
            (0..arguments.len()).fold(MURMUR_SEED, |seed, at| murmur3(&arguments.bytes(at), seed));
        Ok(Value::Integer((hash as i32).into()))
    }),
    Scalar::new("xx_hash32", (1, ANY), Int, |arguments| {
        let hash = (0..arguments.len()).fold(0, |seed, at| xxh32(&arguments.bytes(at), seed));
        Ok(Value::Integer((hash as i32).into()))
    }),
    Scalar::new("xx_hash64", (1, ANY), BigInt, |arguments| {
        let hash = (0..arguments.len()).fold(0, |seed, at| xxh64(&arguments.bytes(at), seed));
        Ok(Value::Integer(hash as i64))
    }),
    Scalar::new("xx_hash3_64", (1, ANY), BigInt, |arguments| {
        let hash =
            (0..arguments.len()).fold(0, |seed, at| xxh3_64_with_seed(&arguments.bytes(at), seed));
        Ok(Value::Integer(hash as i64))
    }),
];

/// What every chain of `murmur_hash3_32` starts with.
const MURMUR_SEED: u32 = 104_729;

fn md5_of_all(arguments: &Arguments<'_>) -> [u8; 16] {
    let mut digest = Md5::new();
    for at in (0..arguments.len()).filter(|at| !arguments.is_null(*at)) {
        digest.update(arguments.bytes(at));
    }
    digest.finalize().into()
}

fn sha2(arguments: &Arguments<'_>) -> Outcome {
    let bytes = arguments.bytes(0);
    match arguments.integer(1) {
        Some(224) => text_value(hex::encode(Sha224::digest(bytes))),
        Some(0 | 256) => text_value(hex::encode(Sha256::digest(bytes))),
        Some(384) => text_value(hex::encode(Sha384::digest(bytes))),
        Some(512) => text_value(hex::encode(Sha512::digest(bytes))),
        _ => Ok(Value::Null),
    }
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = !0_u32;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            let mask = (crc & 1).wrapping_neg();
            crc = (crc >> 1) ^ (0xedb8_8320 & mask);
        }
    }
    !crc
}

fn murmur3(bytes: &[u8], seed: u32) -> u32 {
    let scramble = |block: u32| {
        block
            .wrapping_mul(0xcc9e_2d51)
            .rotate_left(15)
            .wrapping_mul(0x1b87_3593)
    };
    let mut hash = seed;
    let mut blocks = bytes.chunks_exact(4);
    for block in blocks.by_ref() {
        let block = u32::from_le_bytes([block[0], block[1], block[2], block[3]]);
        hash = (hash ^ scramble(block))
            .rotate_left(13)
            .wrapping_mul(5)
            .wrapping_add(0xe654_6b64);
    }
    let tail = blocks
        .remainder()
        .iter()
        .rev()
        .fold(0, |tail, byte| (tail << 8) | u32::from(*byte));
    hash ^= scramble(tail);
    hash ^= bytes.len() as u32;
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_vectors() {
        assert_eq!(murmur3(b"", 0), 0);
        assert_eq!(murmur3(b"hello", 0), 0x248b_fa47);
        assert_eq!(murmur3(b"hello, world", 0), 0x149b_bb7f);
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }
}
