//! What a source file names: its paths, without comments, quoted text and unit tests.

/// Every path in the code; the paths of a grouped import are told one by one.
pub(super) fn names(code: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut prefixes: Vec<String> = Vec::new();
    let mut path = String::new();
    let mut rest = code.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            _ if c.is_alphanumeric() || c == '_' || c == '*' && path.ends_with("::") => path.push(c),
            ':' if rest.peek() == Some(&':') && !path.is_empty() => {
                rest.next();
                path.push_str("::");
            }
            '{' => {
                let prefix = if path.ends_with("::") {
                    std::mem::take(&mut path)
                } else {
                    String::new()
                };
                let above = prefixes
                    .last()
                    .filter(|_| !prefix.is_empty())
                    .cloned()
                    .unwrap_or_default();
                end(&mut names, &mut path, &prefixes);
                prefixes.push(format!("{above}{prefix}"));
            }
            '}' => {
                end(&mut names, &mut path, &prefixes);
                prefixes.pop();
            }
            _ => end(&mut names, &mut path, &prefixes),
        }
    }
    end(&mut names, &mut path, &prefixes);
    names
}

fn end(names: &mut Vec<String>, path: &mut String, prefixes: &[String]) {
    if !path.is_empty() {
        names.push(format!("{}{path}", prefixes.last().map_or("", String::as_str)));
        path.clear();
    }
}

/// The code of a file up to its unit tests, without comments and without what stands between quotes.
pub(super) fn code(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let skipped = match c {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => block_comment(rest),
            'r' if raw(rest).is_some()
                && !code.ends_with(|last: char| last.is_alphanumeric() || last == '_') =>
            {
                raw(rest).unwrap_or(1)
            }
            '"' => string(rest),
            '\'' => character(rest),
            '#' if rest.starts_with("#[cfg(test)]\nmod tests {")
                || rest.starts_with("#[cfg(test)]\n        mod tests {") =>
            {
                rest.len()
            }
            _ => 0,
        };
        if skipped == 0 {
            code.push(c);
        } else {
            code.push(' ');
        }
        rest = &rest[skipped.max(c.len_utf8())..];
    }
    code
}

fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

/// The length of a raw string, if there is one.
fn raw(text: &str) -> Option<usize> {
    let hashes = text[1..].bytes().take_while(|byte| *byte == b'#').count();
    let inner = text[1 + hashes..].strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(hashes));
    Some(2 + hashes + inner.find(&close)? + close.len())
}

fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '"' if !escaped => return at + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

/// The length of a character literal; none for a lifetime.
fn character(text: &str) -> usize {
    let inner = &text[1..];
    if let Some(escape) = inner.strip_prefix('\\') {
        return escape
            .char_indices()
            .skip(1)
            .find(|(_, c)| *c == '\'')
            .map_or(0, |(at, _)| at + 3);
    }
    let Some(first) = inner.chars().next() else {
        return 0;
    };
    if inner[first.len_utf8()..].starts_with('\'') {
        first.len_utf8() + 2
    } else {
        0
    }
}
