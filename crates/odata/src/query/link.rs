//! Links to the next page.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::text;

/// What stands in a query as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// The URL of the request with another `$skip`, and `$top` with what remains of it: all other options stay as they were
/// written. As Defender: `.../api/machines?$skip=10000`.
pub fn next_by_skip(url: &str, skip: u64, top: Option<u64>) -> String {
    let top = top.map(|top| ("$top", top.to_string()));
    rewritten(url, top.into_iter().chain([("$skip", skip.to_string())]))
}

/// The URL of the request with a `$skiptoken` in place of its own and of `$skip`. The token is any text; what is opaque
/// in the sense of the standard is best in base64url.
pub fn next_by_token(url: &str, token: &str, top: Option<u64>) -> String {
    let token = utf8_percent_encode(token, PLAIN).to_string();
    let top = top.map(|top| ("$top", top.to_string()));
    rewritten(url, top.into_iter().chain([("$skiptoken", token)]))
}

/// The URL of the request with another value of a custom option, from its first page on.
pub fn with_custom(url: &str, name: &str, value: &str) -> String {
    let value = utf8_percent_encode(value, PLAIN).to_string();
    rewritten(url, [(name, value)].into_iter())
}

fn rewritten<'a>(url: &str, options: impl Iterator<Item = (&'a str, String)>) -> String {
    let url = url.split('#').next().unwrap_or(url);
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let options: Vec<(&str, String)> = options.collect();
    let replaced = |pair: &str| {
        let name = pair.split('=').next().unwrap_or(pair);
        text::decode(name).is_ok_and(|name| {
            let paging = ["$skip", "$skiptoken"].into_iter();
            let mut names = paging.chain(options.iter().map(|(name, _)| *name));
            names.any(|known| known.eq_ignore_ascii_case(&name))
        })
    };
    let mut next = format!("{path}?");
    let kept = query.split('&');
    for pair in kept.filter(|pair| !pair.is_empty() && !replaced(pair)) {
        next.push_str(pair);
        next.push('&');
    }
    for (at, (name, value)) in options.iter().enumerate() {
        if at > 0 {
            next.push('&');
        }
        next.push_str(name);
        next.push('=');
        next.push_str(value);
    }
    next
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_other_options_as_they_were_written() {
        for (url, next) in [
            (
                "https://h/api/machines",
                "https://h/api/machines?$skip=10000",
            ),
            (
                "https://h/api/machines?$filter=a+eq+%27x%27&%24Skip=5&pageSize=3",
                "https://h/api/machines?$filter=a+eq+%27x%27&pageSize=3&$skip=10000",
            ),
            (
                "https://h/api/machines?$skiptoken=abc&$top=7",
                "https://h/api/machines?$top=7&$skip=10000",
            ),
        ] {
            assert_eq!(next_by_skip(url, 10_000, None), next);
        }
        assert_eq!(
            next_by_skip("https://h/m?$top=900&$skip=1", 500, Some(400)),
            "https://h/m?$top=400&$skip=500"
        );
        assert_eq!(
            next_by_token("https://h/m?pagesize=5&$skip=1", "a-_=", None),
            "https://h/m?pagesize=5&$skiptoken=a-_%3D"
        );
    }
}
