//! Services that users can sign in with: their kinds, and what is known of some of them.

use crate::user_info::Fields;

/// How a service says who a user is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `OpenID` Connect: by a signed ID token. Its addresses are found by its issuer.
    Oidc,
    /// OAuth 2.0: by an answer of its API. Its addresses are configured.
    Oauth2,
    /// Cloudflare Access: by a signed assertion that it adds to requests.
    Access,
}

impl Kind {
    /// Every kind by its name.
    pub const NAMES: &'static [(&'static str, Self)] =
        &[("oidc", Self::Oidc), ("oauth2", Self::Oauth2), ("access", Self::Access)];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Oidc => "oidc",
            Self::Oauth2 => "oauth2",
            Self::Access => "access",
        }
    }

    /// The kind with a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
    }

    /// The scope that is asked for unless another is configured.
    #[must_use]
    pub fn scope(self) -> &'static str {
        match self {
            Self::Oidc => "openid email profile",
            Self::Oauth2 | Self::Access => "",
        }
    }
}

/// What is known of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preset {
    /// Its name in the API.
    pub id: &'static str,
    /// Its name for people.
    pub name: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// Its issuer; `None` where it depends on the customer. For OAuth 2.0 it is merely a name.
    pub issuer: Option<&'static str>,
    /// The scope that is asked for.
    pub scope: &'static str,
    /// Where users are sent, where codes are redeemed, who the user is, and which addresses they have, for OAuth 2.0.
    pub endpoints: [Option<&'static str>; 4],
    /// The names of the fields in what it says.
    pub fields: Fields,
}

/// The presets.
///
/// Sources: docs.github.com (*Authorizing OAuth apps*, *REST API endpoints for users*), `accounts.google.com`'s discovery document,
/// the documentation of Connect in the wiki of linux.do, developers.cloudflare.com (*Validate JWTs*).
#[must_use]
pub fn presets() -> Vec<Preset> {
    let oauth2 = |id, email_verified: Option<&str>| Fields {
        subject: "id".to_owned(),
        names: vec!["name".to_owned(), id],
        email_verified: email_verified.map(str::to_owned),
        ..Fields::default()
    };
    vec![
        Preset {
            id: "google",
            name: "Google",
            kind: Kind::Oidc,
            issuer: Some("https://accounts.google.com"),
            scope: Kind::Oidc.scope(),
            endpoints: [None; 4],
            fields: Fields::default(),
        },
        Preset {
            id: "github",
            name: "GitHub",
            kind: Kind::Oauth2,
            issuer: Some("https://github.com"),
            scope: "read:user user:email",
            endpoints: [
                Some("https://github.com/login/oauth/authorize"),
                Some("https://github.com/login/oauth/access_token"),
                Some("https://api.github.com/user"),
                Some("https://api.github.com/user/emails"),
            ],
            // The address in the profile is one that the user shows, and need not be verified.
            fields: oauth2("login".to_owned(), Some("")),
        },
        Preset {
            id: "linuxdo",
            name: "LINUX DO",
            kind: Kind::Oauth2,
            issuer: Some("https://connect.linux.do"),
            scope: "user",
            endpoints: [
                Some("https://connect.linux.do/oauth2/authorize"),
                Some("https://connect.linux.do/oauth2/token"),
                Some("https://connect.linux.do/api/user"),
                None,
            ],
            fields: oauth2("username".to_owned(), Some("")),
        },
        Preset {
            id: "cloudflare_access",
            name: "Cloudflare Access",
            kind: Kind::Access,
            issuer: None,
            scope: "",
            endpoints: [None; 4],
            // Access knows an address from the identity provider that it asked, or has sent a code to it.
            fields: Fields { email_verified: None, ..Fields::default() },
        },
    ]
}

/// The keys of Cloudflare Access for a team, whose issuer is `https://<team>.cloudflareaccess.com`.
#[must_use]
pub fn access_keys(issuer: &str) -> String {
    format!("{}/cdn-cgi/access/certs", issuer.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_complete_for_their_kind() {
        for preset in presets() {
            let is_configured = preset.endpoints.iter().take(3).all(Option::is_some);
            assert_eq!(is_configured, preset.kind == Kind::Oauth2, "{}", preset.id);
            assert_eq!(preset.issuer.is_none(), preset.kind == Kind::Access, "{}", preset.id);
            let addresses = preset.endpoints.iter().flatten().chain(&preset.issuer);
            assert!(addresses.clone().all(|address| address.starts_with("https://")), "{}", preset.id);
        }
        for (name, kind) in Kind::NAMES {
            assert_eq!((Kind::named(name), kind.name()), (Some(*kind), *name));
        }
        assert_eq!(Kind::named("saml"), None);
        assert_eq!(access_keys("https://team.example/"), "https://team.example/cdn-cgi/access/certs");
    }
}
