//! Statement text to typed statement. Each area has a file with its own types and grammar; this file
//! decides which one a text belongs to by its first words.

pub mod backup;
pub mod token;
