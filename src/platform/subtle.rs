//! The platform's own cryptography (Web Crypto), which is faster and smaller than any in WebAssembly: signatures of the
//! three algorithms that tokens may have, and keys to sign with.

use nexus_edge_identity::base64url;
use nexus_edge_identity::token::{Algorithm, PublicKey, Signatures};
use worker::js_sys::{Array, Function, JSON, Object, Promise, Reflect, Uint8Array};
use worker::wasm_bindgen::{JsCast, JsValue};

use super::promise::Awaited;
use super::{global, log_error};

/// Signatures as Web Crypto checks them.
pub struct Subtle;

impl Signatures for Subtle {
    async fn is_signature(&self, key: &PublicKey, message: &[u8], signature: &[u8]) -> bool {
        match verify(key, message, signature).await {
            Ok(is_signature) => is_signature,
            Err(error) => {
                log_error("a signature that cannot be checked", &worker::Error::from(error));
                false
            }
        }
    }
}

/// A new key pair.
pub struct KeyPair {
    /// The public number in base64url.
    pub public: String,
    /// The private key in PKCS #8 form.
    pub pkcs8: Vec<u8>,
}

/// Makes an Ed25519 key pair.
pub async fn ed25519_pair() -> Result<KeyPair, JsValue> {
    let usages = Array::of2(&"sign".into(), &"verify".into());
    let pair = call("generateKey", &Array::of3(&"Ed25519".into(), &JsValue::TRUE, &usages)).await?;
    let half = |name: &str| Reflect::get(&pair, &name.into());
    let public = call("exportKey", &Array::of2(&"raw".into(), &half("publicKey")?)).await?;
    let private = call("exportKey", &Array::of2(&"pkcs8".into(), &half("privateKey")?)).await?;
    let bytes = |exported: &JsValue| Uint8Array::new(exported).to_vec();
    Ok(KeyPair { public: base64url::encode(bytes(&public)), pkcs8: bytes(&private) })
}

/// Signs with an Ed25519 key in PKCS #8 form.
pub async fn sign_ed25519(pkcs8: &[u8], message: &[u8]) -> Result<Vec<u8>, JsValue> {
    sign(&"Ed25519".into(), pkcs8, message).await
}

/// Signs with a private key in PKCS #8 form by this algorithm of Web Crypto.
pub async fn sign(algorithm: &JsValue, pkcs8: &[u8], message: &[u8]) -> Result<Vec<u8>, JsValue> {
    let usages = Array::of1(&"sign".into());
    let key = Array::of5(&"pkcs8".into(), &Uint8Array::from(pkcs8), algorithm, &JsValue::FALSE, &usages);
    let key = call("importKey", &key).await?;
    let signature = call("sign", &Array::of3(algorithm, &key, &Uint8Array::from(message))).await?;
    Ok(Uint8Array::new(&signature).to_vec())
}

async fn verify(key: &PublicKey, message: &[u8], signature: &[u8]) -> Result<bool, JsValue> {
    let numbers: Vec<Vec<u8>> =
        key.numbers.iter().map(|number| base64url::decode(number).unwrap_or_default()).collect();
    let raw = |bytes: &[u8]| ("raw", JsValue::from(Uint8Array::from(bytes)));
    let (algorithm, (form, imported)) = match key.algorithm {
        Algorithm::EdDsa => (object(&[("name", "Ed25519")])?, raw(&numbers.concat())),
        Algorithm::Es256 => {
            let algorithm = object(&[("name", "ECDSA"), ("namedCurve", "P-256"), ("hash", "SHA-256")])?;
            (algorithm, raw(&[&[4], numbers.concat().as_slice()].concat()))
        }
        Algorithm::Rs256 => {
            let algorithm = object(&[("name", "RSASSA-PKCS1-v1_5"), ("hash", "SHA-256")])?;
            (algorithm, ("jwk", JSON::parse(&key.to_jwk().to_string())?))
        }
    };
    let usages = Array::of1(&"verify".into());
    let imported = Array::of5(&form.into(), &imported, &algorithm, &JsValue::FALSE, &usages);
    let imported = call("importKey", &imported).await?;
    let (signature, message) = (Uint8Array::from(signature), Uint8Array::from(message));
    let verified = call("verify", &Array::of4(&algorithm, &imported, &signature, &message)).await?;
    Ok(verified.is_truthy())
}

/// An object of texts.
pub fn object(members: &[(&str, &str)]) -> Result<JsValue, JsValue> {
    let object = Object::new();
    for (name, value) in members {
        Reflect::set(&object, &(*name).into(), &(*value).into())?;
    }
    Ok(object.into())
}

async fn call(method: &str, arguments: &Array) -> Result<JsValue, JsValue> {
    let subtle = Reflect::get(&Reflect::get(&global(), &"crypto".into())?, &"subtle".into())?;
    let function: Function = Reflect::get(&subtle, &method.into())?.dyn_into()?;
    let promise: Promise = function.apply(&subtle, arguments)?.dyn_into()?;
    Awaited::from(promise).await
}
