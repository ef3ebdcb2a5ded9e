//! What S3 answers: the few elements that are needed of its XML.

use percent_encoding::percent_decode_str;

/// A page of ListObjectsV2 with a delimiter and `encoding-type=url`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) keys: Vec<String>,
    /// With the slash at their end.
    pub(crate) folders: Vec<String>,
    /// Where the next page begins.
    pub(crate) next: Option<String>,
}

pub(crate) fn page(xml: &str) -> Page {
    let inner = |outer: &str, name: &str| {
        elements(xml, outer)
            .into_iter()
            .flat_map(|outer| elements(outer, name))
            .map(decode)
            .collect()
    };
    let is_truncated = elements(xml, "IsTruncated").first() == Some(&"true");
    Page {
        keys: inner("Contents", "Key"),
        folders: inner("CommonPrefixes", "Prefix"),
        next: elements(xml, "NextContinuationToken")
            .first()
            .filter(|_| is_truncated)
            .map(|token| unescape(token)),
    }
}

/// `Code` and `Message` of an error.
pub(crate) fn error(xml: &str) -> Option<(String, String)> {
    let error = *elements(xml, "Error").first()?;
    let text = |name| elements(error, name).first().map(|text| unescape(text));
    Some((text("Code")?, text("Message").unwrap_or_default()))
}

/// The contents of the elements of a name. None of those asked for here holds one of its own name, nor
/// has attributes; what texts contain is escaped.
fn elements<'a>(xml: &'a str, name: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    xml.split(open.as_str())
        .skip(1)
        .filter_map(|rest| rest.split_once(close.as_str()).map(|(content, _)| content))
        .collect()
}

fn decode(text: &str) -> String {
    let text = unescape(text).replace('+', " ");
    percent_decode_str(&text).decode_utf8_lossy().into_owned()
}

fn unescape(text: &str) -> String {
    [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&apos;", "'"),
        ("&#39;", "'"),
        ("&amp;", "&"),
    ]
    .iter()
    .fold(text.to_owned(), |text, (escaped, plain)| {
        text.replace(escaped, plain)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_keys_folders_and_where_to_go_on() {
        let xml = r#"<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
            <Name>b</Name><Prefix>x%2F</Prefix><NextContinuationToken>a&amp;b=</NextContinuationToken>
            <IsTruncated>true</IsTruncated><EncodingType>url</EncodingType>
            <Contents><Key>x/a+b%2Bc</Key><Size>1</Size></Contents><Contents><Key>x/%C3%BC</Key></Contents>
            <CommonPrefixes><Prefix>x/y/</Prefix></CommonPrefixes></ListBucketResult>"#;
        let expected = Page {
            keys: vec!["x/a b+c".to_owned(), "x/ü".to_owned()],
            folders: vec!["x/y/".to_owned()],
            next: Some("a&b=".to_owned()),
        };
        assert_eq!(page(xml), expected);
        assert_eq!(
            page("<ListBucketResult><IsTruncated>false</IsTruncated>").next,
            None
        );
    }

    #[test]
    fn an_error_has_a_code() {
        let xml = "<Error><Code>NoSuchBucket</Code><Message>It&#39;s gone</Message></Error>";
        let expected = Some(("NoSuchBucket".to_owned(), "It's gone".to_owned()));
        assert_eq!(error(xml), expected);
        assert_eq!(error(""), None);
    }
}
