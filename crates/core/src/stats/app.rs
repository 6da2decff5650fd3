//! Which program called, as far as it says.

/// The product that called, from its headers: the title that it gives itself, else the first product of its user agent
/// without the version, else the host of the page it was called from. At most 40 characters; `None` if none is said.
///
/// `X-Title` and `HTTP-Referer` are the convention of `OpenRouter` (<https://openrouter.ai/docs/app-attribution>).
#[must_use]
pub fn app_of(title: Option<&str>, user_agent: Option<&str>, referer: Option<&str>) -> Option<String> {
    let cleaned = |text: &str| {
        let text: String = text.trim().chars().filter(|letter| !letter.is_control()).take(40).collect();
        let text = text.trim_end();
        (!text.is_empty()).then(|| text.to_owned())
    };
    let product = |agent: &str| {
        let first = agent.split_ascii_whitespace().find(|word| !word.starts_with("Mozilla/"))?;
        cleaned(first.split('/').next().unwrap_or(first))
    };
    let host = |address: &str| {
        let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
        cleaned(rest.split(['/', '?', '#']).next().unwrap_or(rest))
    };
    title
        .and_then(cleaned)
        .or_else(|| user_agent.filter(|agent| !agent.starts_with("Mozilla/")).and_then(product))
        .or_else(|| referer.and_then(host))
        .or_else(|| user_agent.and_then(|agent| agent.starts_with("Mozilla/").then(|| "browser".to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_is_a_short_product_name() {
        let agent = |agent: &str| app_of(None, Some(agent), None);
        assert_eq!(agent("OpenAI/Python 2.3.0").as_deref(), Some("OpenAI"));
        assert_eq!(agent("claude-cli/2.1.0 (external, cli)").as_deref(), Some("claude-cli"));
        assert_eq!(agent("Mozilla/5.0 (X11; Linux) Firefox/140").as_deref(), Some("browser"));
        assert_eq!(app_of(Some(" My Chat\u{7} "), Some("curl/8"), None).as_deref(), Some("My Chat"));
        assert_eq!(
            app_of(None, Some("Mozilla/5.0"), Some("https://chat.example.com/a?b")).as_deref(),
            Some("chat.example.com")
        );
        assert_eq!(app_of(Some("  "), Some(""), None), None);
        assert_eq!(app_of(Some(&"x".repeat(500)), None, None).unwrap().len(), 40);
    }
}
