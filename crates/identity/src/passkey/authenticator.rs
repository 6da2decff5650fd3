//! What an authenticator says: its data (section 6.1 of the specification) and, in a registration, the new credential.

use super::cbor::Cbor;
use crate::base64url;
use crate::token::{Algorithm, PublicKey};

const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
const HAS_CREDENTIAL: u8 = 0x40;
/// Most bytes of a credential's id (section 7.1, step 25).
const MAX_ID_BYTES: usize = 1_023;

/// A credential that an authenticator has made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Its id in base64url, by which a sign-in finds it. It is also the name of the key.
    pub id: String,
    /// Its public key.
    pub key: PublicKey,
}

/// The data of an authenticator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthenticatorData {
    /// SHA-256 of the relying party's id.
    pub rp_id_hash: [u8; 32],
    /// Whether the user was there.
    pub is_user_present: bool,
    /// Whether the authenticator made sure that it was this user, by a PIN or otherwise.
    pub is_user_verified: bool,
    /// How often the credential has signed; 0 for authenticators that do not count.
    pub counter: u32,
    /// The new credential of a registration.
    pub credential: Option<Credential>,
}

impl AuthenticatorData {
    /// Reads it; `None` if it is damaged, or the credential's key is of another algorithm than ES256 and `EdDSA`.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (rp_id_hash, rest) = bytes.split_first_chunk::<32>()?;
        let (flags, rest) = rest.split_first()?;
        let (counter, rest) = rest.split_first_chunk::<4>()?;
        let credential = if flags & HAS_CREDENTIAL == 0 { None } else { Some(credential(rest)?) };
        Some(Self {
            rp_id_hash: *rp_id_hash,
            is_user_present: flags & USER_PRESENT != 0,
            is_user_verified: flags & USER_VERIFIED != 0,
            counter: u32::from_be_bytes(*counter),
            credential,
        })
    }
}

/// The credential behind the model's id. Extensions may follow it, which none was asked for.
fn credential(bytes: &[u8]) -> Option<Credential> {
    let (_model, rest) = bytes.split_first_chunk::<16>()?;
    let (length, rest) = rest.split_first_chunk::<2>()?;
    let length = usize::from(u16::from_be_bytes(*length));
    let (id, rest) = rest.split_at_checked(length)?;
    if id.is_empty() || length > MAX_ID_BYTES {
        return None;
    }
    let (key, _) = Cbor::read(rest)?;
    let id = base64url::encode(id);
    let key = cose_key(&key, id.clone())?;
    Some(Credential { id, key })
}

/// The key of a COSE key (RFC 9052, section 7): type, algorithm and curve must agree.
fn cose_key(key: &Cbor<'_>, kid: String) -> Option<PublicKey> {
    let label = |label: i64| key.at(label).and_then(Cbor::integer);
    let number = |label: i64| {
        let bytes = key.at(label).and_then(Cbor::bytes).filter(|bytes| bytes.len() == 32);
        bytes.map(base64url::encode)
    };
    let (algorithm, numbers) = match (label(1)?, label(3)?, label(-1)?) {
        (2, -7, 1) => (Algorithm::Es256, vec![number(-2)?, number(-3)?]),
        (1, -8, 6) => (Algorithm::EdDsa, vec![number(-2)?]),
        _ => return None,
    };
    Some(PublicKey { kid, algorithm, numbers })
}
