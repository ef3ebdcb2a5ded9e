//! Who runs this program on this machine.

use std::os::unix::fs::MetadataExt;

/// The user of the process, as the machine names it. Not what the environment calls it, where the
/// machine can be asked: anybody may set that.
pub(super) fn operating(environment: &dyn Fn(&str) -> Option<String>) -> String {
    // A process owns its own entry. Elsewhere than on Linux there is none.
    let Ok(own) = std::fs::metadata("/proc/self") else {
        return environment("USER").unwrap_or_else(|| "unknown".to_owned());
    };
    let known = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    name_of(own.uid(), &known).unwrap_or_else(|| format!("uid {}", own.uid()))
}

/// `NAME:PASSWORD:UID:...` per line. Users of a directory service are not there.
fn name_of(uid: u32, known: &str) -> Option<String> {
    known.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let found: u32 = fields.nth(1)?.parse().ok()?;
        (found == uid && !name.is_empty()).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_called_as_the_machine_calls_it() {
        let known = "root:x:0:0:root:/root:/bin/sh\n# odd\nbr:x:990:990::/:/bin/false\n";
        assert_eq!(name_of(990, known).as_deref(), Some("br"));
        assert_eq!(name_of(99, known), None);
        assert_ne!(operating(&|_| None), "");
    }
}
