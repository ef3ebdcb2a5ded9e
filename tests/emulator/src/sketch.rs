//! BITMAP and HLL values. A real backend keeps sketches; here they are exact: the sorted distinct
//! members, joined by commas. What is estimated there is therefore counted here.

use std::collections::BTreeSet;

pub fn parse(text: &str) -> BTreeSet<u64> {
    text.split(',')
        .filter_map(|member| member.trim().parse().ok())
        .collect()
}

pub fn render(members: &BTreeSet<u64>) -> String {
    let members: Vec<String> = members.iter().map(u64::to_string).collect();
    members.join(",")
}

pub fn union(left: &str, right: &str) -> String {
    let mut members = parse(left);
    members.extend(parse(right));
    render(&members)
}

pub fn count(text: &str) -> i64 {
    parse(text).len() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn union_has_every_member_once() {
        assert_eq!(union("1,10", "2,10"), "1,2,10");
        assert_eq!(count(&union("", "7,7")), 1);
    }
}
