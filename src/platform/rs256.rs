//! RS256 signatures (RFC 7518, section 3.3) by the platform's own cryptography, which is faster and smaller than an
//! RSA implementation in WebAssembly.

use worker::js_sys::{Array, Function, Object, Promise, Reflect, Uint8Array};
use worker::wasm_bindgen::{JsCast, JsValue};

use super::global;
use super::promise::Awaited;

/// Signs `message` with a private key in PKCS #8 form.
pub async fn sign(pkcs8: &[u8], message: &[u8]) -> Result<Vec<u8>, JsValue> {
    let subtle = Reflect::get(&Reflect::get(&global(), &"crypto".into())?, &"subtle".into())?;
    let algorithm = Object::new();
    Reflect::set(&algorithm, &"name".into(), &"RSASSA-PKCS1-v1_5".into())?;
    Reflect::set(&algorithm, &"hash".into(), &"SHA-256".into())?;
    let usages = Array::of1(&"sign".into());
    let key = call(
        &subtle,
        "importKey",
        &Array::of5(&"pkcs8".into(), &Uint8Array::from(pkcs8), &algorithm, &JsValue::FALSE, &usages),
    )
    .await?;
    let signature = call(&subtle, "sign", &Array::of3(&algorithm, &key, &Uint8Array::from(message))).await?;
    Ok(Uint8Array::new(&signature).to_vec())
}

async fn call(object: &JsValue, method: &str, arguments: &Array) -> Result<JsValue, JsValue> {
    let function: Function = Reflect::get(object, &method.into())?.dyn_into()?;
    let promise: Promise = function.apply(object, arguments)?.dyn_into()?;
    Awaited::from(promise).await
}
