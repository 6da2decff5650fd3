//! The two ceremonies: a new credential (section 7.1) and a sign-in with one (section 7.2).

use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;

use super::authenticator::{AuthenticatorData, Credential};
use super::cbor::Cbor;
use super::der;
use crate::base64url;
use crate::token::{Algorithm, PublicKey, Signatures};

/// Most bytes of client data, and of an attestation object.
const MAX_BYTES: usize = 16 << 10;

/// For whom a ceremony is.
#[derive(Debug, Clone, Copy)]
pub struct RelyingParty<'a> {
    /// Its id: the host of its pages, or a parent domain of it.
    pub id: &'a str,
    /// The origin of its pages, such as `https://gateway.example`.
    pub origin: &'a str,
    /// Whether the authenticator must make sure that it is this user.
    pub needs_verification: bool,
}

/// Why a ceremony fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasskeyError {
    /// Something is not in the form that browsers and authenticators write, or of an algorithm that is not accepted.
    #[error("the answer of the authenticator is malformed")]
    Malformed,
    /// It belongs to another ceremony: another type, challenge, origin or relying party, or a page inside of another's.
    #[error("the answer belongs to another ceremony")]
    Elsewhere,
    /// The user was not there, or not verified where that is needed.
    #[error("the user was not verified")]
    Unverified,
    /// The signature is wrong.
    #[error("the signature is wrong")]
    Signature,
    /// The counter went back: there are two copies of the credential.
    #[error("the counter of the authenticator went back")]
    Copied,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: bool,
}

/// The credential of a registration, with its first counter.
///
/// # Errors
/// The first check that fails.
pub fn register(
    party: &RelyingParty<'_>,
    challenge: &[u8],
    client_data: &[u8],
    attestation_object: &[u8],
) -> Result<(Credential, u32), PasskeyError> {
    check_client_data(party, "webauthn.create", challenge, client_data)?;
    if attestation_object.len() > MAX_BYTES {
        return Err(PasskeyError::Malformed);
    }
    let (object, rest) = Cbor::read(attestation_object).ok_or(PasskeyError::Malformed)?;
    let data = object.member("authData").and_then(Cbor::bytes).filter(|_| rest.is_empty());
    let data = data.and_then(AuthenticatorData::read).ok_or(PasskeyError::Malformed)?;
    check_data(party, &data)?;
    Ok((data.credential.ok_or(PasskeyError::Malformed)?, data.counter))
}

/// A sign-in with a passkey.
#[derive(Debug, Clone, Copy)]
pub struct SignedIn<'a> {
    /// What the browser says.
    pub client_data: &'a [u8],
    /// What the authenticator says.
    pub authenticator_data: &'a [u8],
    /// Its signature over both.
    pub signature: &'a [u8],
}

/// Checks a sign-in with a credential whose last counter was `counter`; the new counter.
///
/// # Errors
/// The first check that fails.
pub async fn sign_in(
    signatures: &impl Signatures,
    party: &RelyingParty<'_>,
    challenge: &[u8],
    (key, counter): (&PublicKey, u32),
    given: &SignedIn<'_>,
) -> Result<u32, PasskeyError> {
    check_client_data(party, "webauthn.get", challenge, given.client_data)?;
    let data = AuthenticatorData::read(given.authenticator_data).ok_or(PasskeyError::Malformed)?;
    check_data(party, &data)?;
    let message = [given.authenticator_data, Sha256::digest(given.client_data).as_slice()].concat();
    let signature = match key.algorithm {
        Algorithm::Es256 => der::es256(given.signature).ok_or(PasskeyError::Signature)?.to_vec(),
        Algorithm::EdDsa => given.signature.to_vec(),
        Algorithm::Rs256 => return Err(PasskeyError::Malformed),
    };
    if !signatures.is_signature(key, &message, &signature).await {
        return Err(PasskeyError::Signature);
    }
    let counts = data.counter != 0 || counter != 0;
    if counts && data.counter <= counter { Err(PasskeyError::Copied) } else { Ok(data.counter) }
}

fn check_client_data(
    party: &RelyingParty<'_>,
    kind: &str,
    challenge: &[u8],
    client_data: &[u8],
) -> Result<(), PasskeyError> {
    if client_data.len() > MAX_BYTES {
        return Err(PasskeyError::Malformed);
    }
    let data: ClientData = serde_json::from_slice(client_data).map_err(|_| PasskeyError::Malformed)?;
    let expected = base64url::encode(challenge);
    let is_challenge = bool::from(data.challenge.as_bytes().ct_eq(expected.as_bytes()));
    let is_here = data.kind == kind && is_challenge && data.origin == party.origin && !data.cross_origin;
    if is_here && !challenge.is_empty() { Ok(()) } else { Err(PasskeyError::Elsewhere) }
}

fn check_data(party: &RelyingParty<'_>, data: &AuthenticatorData) -> Result<(), PasskeyError> {
    if data.rp_id_hash != <[u8; 32]>::from(Sha256::digest(party.id)) {
        return Err(PasskeyError::Elsewhere);
    }
    let is_verified = data.is_user_present && (data.is_user_verified || !party.needs_verification);
    if is_verified { Ok(()) } else { Err(PasskeyError::Unverified) }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;
    use crate::token::native::Native;

    const PARTY: RelyingParty<'_> =
        RelyingParty { id: "example.org", origin: "https://example.org", needs_verification: false };

    /// A test vector of Web Authentication Level 3, section 16.
    struct Vector {
        challenges: [&'static str; 2],
        client_data: [&'static str; 2],
        attestation_object: &'static str,
        authenticator_data: &'static str,
        signature: &'static str,
    }

    /// Section `sctn-test-vectors-none-es256` of the specification.
    const NONE_ES256: Vector = Vector {
        challenges: [
            "00c30fb78531c464d2b6771dab8d7b603c01162f2fa486bea70f283ae556e130",
            "39c0e7521417ba54d43e8dc95174f423dee9bf3cd804ff6d65c857c9abf4d408",
        ],
        client_data: [
            "7b2274797065223a22776562617574686e2e637265617465222c226368616c6c656e6765223a22414d4d507434557878475453746e63647134313759447742466938767049612d7077386f4f755657345441222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73652c22657874726144617461223a22636c69656e74446174614a534f4e206d617920626520657874656e6465642077697468206164646974696f6e616c206669656c647320696e20746865206675747572652c207375636820617320746869733a20426b5165446a646354427258426941774a544c453551227d",
            "7b2274797065223a22776562617574686e2e676574222c226368616c6c656e6765223a224f63446e55685158756c5455506f334a5558543049393770767a7a59425039745a63685879617630314167222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73657d",
        ],
        attestation_object: "a363666d74646e6f6e656761747453746d74a068617574684461746158a4bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b559000000008446ccb9ab1db374750b2367ff6f3a1f0020f91f391db4c9b2fde0ea70189cba3fb63f579ba6122b33ad94ff3ec330084be4a5010203262001215820afefa16f97ca9b2d23eb86ccb64098d20db90856062eb249c33a9b672f26df61225820930a56b87a2fca66334b03458abf879717c12cc68ed73290af2e2664796b9220",
        authenticator_data: "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b51900000000",
        signature: "3046022100f50a4e2e4409249c4a853ba361282f09841df4dd4547a13a87780218deffcd380221008480ac0f0b93538174f575bf11a1dd5d78c6e486013f937295ea13653e331e87",
    };

    /// Section `sctn-test-vectors-packed-eddsa` of the specification.
    const PACKED_EDDSA: Vector = Vector {
        challenges: [
            "a8abf9dabdc6b0df63466b39bda9e8a34a34e185337a59f1c579990676d3b3bd",
            "895957e01c633a698348a2d8a31a54b7db27e8c1c43b2080d79ae2190267bfd2",
        ],
        client_data: [
            "7b2274797065223a22776562617574686e2e637265617465222c226368616c6c656e6765223a22714b763532723347734e396a526d733576616e6f6f306f303459557a656c6e7878586d5a426e6254733730222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73652c22657874726144617461223a22636c69656e74446174614a534f4e206d617920626520657874656e6465642077697468206164646974696f6e616c206669656c647320696e20746865206675747572652c207375636820617320746869733a20425f44543567375a445f2d394f544c59583549764551227d",
            "7b2274797065223a22776562617574686e2e676574222c226368616c6c656e6765223a2269566c583442786a4f6d6d44534b4c596f7870557439736e364d48454f7943413135726947514a6e763949222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73657d",
        ],
        attestation_object: "a363666d74667061636b65646761747453746d74a363616c67266373696758483046022100d83f60bd80269537583218858aefb03ac57d45fa06e42feaae332d187f62da9f022100a02bd3cb6f7e1d283c93bad1f3f4b5a4c0494463da7fdbf256949116754d1f17637835638159022730820223308201c8a003020102021100b2cfc9ea33c8643b0e1a760463eaf164300a06082a8648ce3d0403023062311e301c06035504030c15576562417574686e207465737420766563746f7273310c300a060355040a0c0357334331253023060355040b0c1c41757468656e74696361746f72204174746573746174696f6e204341310b30090603550406130241413020170d3234303130313030303030305a180f33303234303130313030303030305a305f311e301c06035504030c15576562417574686e207465737420766563746f7273310c300a060355040a0c0357334331223020060355040b0c1941757468656e74696361746f72204174746573746174696f6e310b30090603550406130241413059301306072a8648ce3d020106082a8648ce3d03010703420004dd2b7a564b73b8c0b81c4c62e521925c4d1198ec9f583dbf1eebe364b65cd9c29a9bdf346aaa81fb6b9507e5249a52fdaf8e39e26b0b7dc45992a7e233b70f70a360305e300c0603551d130101ff04023000300e0603551d0f0101ff040403020780301d0603551d0e041604140ae27546bc7eccb1b4b597bd354f0c0b1f1f8f8e301f0603551d2304183016801445aff715b0dd786741fee996ebc16547a3931b1e300a06082a8648ce3d0403020349003046022100a0d434ecb5fc3bfd7da5f41904517ad2836249f561bd834ba7a438a8ab7a4ce8022100fac845bb7a02513b58e9f319654dbe49b0f02b95835bac568c71f8a18cdde9ab6861757468446174615881bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b54100000000d5aa33581e8ca478e20fe713f5d32ff20020ce9f840ed96599580cd140fbc7bb3230633f50f61041aff73308ae71caa8a2bda401010327200621582044e06ddd331c36a8dc667bab52bcae63486c916aa5e339e6acebaa84934bf832",
        authenticator_data: "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b50100000000",
        signature: "f5c59c7e46c34f6f8cc197101ddf9934fa2595f68eb1913a637e8419eb9ba4cfdfc48f85393bc0d40b011f0d6fecb097d6607525713223a0dc0d453993dae00b",
    };

    /// Section `sctn-test-vectors-packed-self-es256` of the specification.
    const SELF_ES256: Vector = Vector {
        challenges: [
            "7869c2b772d4b58eba9378cf8f29e26cf935aa77df0da89fa99c0bdc0a76f7e5",
            "4478a10b1352348dd160c1353b0d469b5db19eb91c27f7dfa6fed39fe26af20b",
        ],
        client_data: [
            "7b2274797065223a22776562617574686e2e637265617465222c226368616c6c656e6765223a2265476e4374334c55745936366b336a506a796e6962506b31716e666644616966715a774c33417032392d55222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73652c22657874726144617461223a22636c69656e74446174614a534f4e206d617920626520657874656e6465642077697468206164646974696f6e616c206669656c647320696e20746865206675747572652c207375636820617320746869733a205539685458764b453255526b4d6e625f307859485667227d",
            "7b2274797065223a22776562617574686e2e676574222c226368616c6c656e6765223a225248696843784e534e493352594d45314f7731476d3132786e726b634a5f6666707637546e2d4a71386773222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73652c22657874726144617461223a22636c69656e74446174614a534f4e206d617920626520657874656e6465642077697468206164646974696f6e616c206669656c647320696e20746865206675747572652c207375636820617320746869733a206754623533727a36456853576f6d58477a696d433151227d",
        ],
        attestation_object: "a363666d74667061636b65646761747453746d74a263616c672663736967584630440220067a20754ab925005dbf378097c92120031581c73228d1fb4f5b881bcd7da98302207fc7b147558c7c0eba3af18bd9d121fa3d3a26d17fe3f220272178f473b6006d68617574684461746158a4bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b55d00000000df850e09db6afbdfab51697791506cfc0020455ef34e2043a87db3d4afeb39bbcb6cc32df9347c789a865ecdca129cbef58ca5010203262001215820eb151c8176b225cc651559fecf07af450fd85802046656b34c18f6cf193843c5225820927b8aa427a2be1b8834d233a2d34f61f13bfd44119c325d5896e183fee484f2",
        authenticator_data: "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b50900000000",
        signature: "304402203310b9431903c401f1be2bdc8d23a4007682dbbddcf846994947b7f465daf84002204e94dd00047b316061b3b99772b7efd95994a83ef584b3b6b825ea3550251b66",
    };

    /// Section `sctn-test-vectors-none-es256-long-credential-id` of the specification.
    const LONG_ID: Vector = Vector {
        challenges: [
            "1113c7265ccf5e65124282fa1d7819a7a14cb8539aa4cdbec7487e5f35d8ec6c",
            "ef1deba56dce48f674a447ccf63b9599258ce87648e5c396f2ef0ca1da460e3b",
        ],
        client_data: [
            "7b2274797065223a22776562617574686e2e637265617465222c226368616c6c656e6765223a22455250484a6c7a50586d5553516f4c364858675a7036464d75464f61704d322d7830682d587a5859374777222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73657d",
            "7b2274797065223a22776562617574686e2e676574222c226368616c6c656e6765223a22377833727057334f53505a307045664d396a75566d53574d36485a4935634f573875384d6f647047446a73222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73657d",
        ],
        attestation_object: "a363666d74646e6f6e656761747453746d74a0686175746844617461590483bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b549000000008f3360c2cd1b0ac14ffe0795c5d2638e03ff3a761a4e1674ad6c4305869435c0eee9c286172c229bb91b48b4ada140c0863417031305cce5b4a27a88d7fe728a5f5a627de771b4b40e77f187980c124f9fe832d7136010436a056cce716680587d23187cf1fc2c62ae86fc3e508ee9617ffc74fbc10488ec16ec5e9096328669a898709b655e549738c666c1ae6281dc3b5f733c251d3eefb76ee70a3805ca91bcc18e49c8dc7f63ebcb486ba8c3d6ab52b88ff72c6a5bb47c32f3ee8683a3ddc8abf60870448ec8a21b5bdcb183c7dead870255575a6df96eb1b6a2a1019780cba9e4887b17ff1164bbbcc10eb0d86ed75984cd3fa3419103024507dfd9ce8f92c56af7914cb0bb50b87ba82a312bb7dcd93028dbdcd6adb266979667158335171e3682d37755701edbf9d872846a291d49e57ef09da1ec637f5052ed2aa7407f7e61827468e94b461844f4c67be5fa9c6055a566f8fdfc29d4bf78a9ff275f552cc68ba543fa3962eea36fd1ea8453764577d021d0a181efc1f6100ab2e4110039e21ee16970bda7432b6134492155afc126295b3a2eccd12c66a68e340969e995e3e8c9c476e395cfc21203414110779474f1c9797406637dbe414f132519d3bf0ce4f01734ef0e1a12c3ad604ff15d766b1624db6a5a7ccbff7bc35c9908df94aba277e0af48f04ff3d16381c47e5a37ed3988a67a3b1ecaa926336b33391fff04128f869991c9fabd905b6fe3ceef5f8b630ec1c5d2636d5b1961ad5ca5004170f6f5e482792aad989b0287fe91e5c479403397152f1fa56aa79b156eb47e6c8ea3eb175c34cfb38ad8e772874639b1023d4d01395c94e55831671cc022aa6fa1e02a02c2e4abc776f6960e51f83b71a8c0f207b6a347573977812c9aa5480b0011aa739bd4b76c18c000cc4757cceccb920f007c40c00e37e5ab21476cd9f6054a8fffb55a108f5c706e2cea2049d81fd321ff47d2a5761b0800955ab1d4f4889f55a84e2601c684f17a4ade7453ea49591d0b59c8d9a765052f62219cf6ef4a5dd9539f0617d6ebbebce7c000455475d18449e25c49ef9a1e3efe18c09082ebe2058d7c347defaa92f0664553b805c7d76bbfce5f330aca220ac90a789380fc479ea0d8793205813cca590a912f699ad52f991a1bc0a503c3ec4b2a696719e3c26591a87127f7305cc7e72f4c8e39355ebb06a5b1042990f38710ee7aa612ee4374bb82e878585a70a96c2a6b47f101a4ff154be4fd76a3167577a5cc54d9167c154c69ac35485e44cc898b719e1be3cc9c0fb5624b8f8a0dae10947a41bf848b6c1bb33d1006ec077d7e286e3f2a7b4843716390119449fe2721e81a5ed2333d331c7120765da58fadae73c19d9a8c4509cf8ac1e9d98b799a5274509069739b5823f3fb496663820033426988eefca53e580e0f9e0dfe0992fc2e53a97e053639f98577058f995bdbd41cefdba50102032620012158203b8176b7504489cc593046d7988abb7905a742de6ac2cdc748a873c663e90cb12258201436d5edc9a75f23999eef9d5950a5c2455514ee1014084720f841a06b828a11",
        authenticator_data: "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b50d00000000",
        signature: "304502203ecef83fb12a0cae7841055f9f87103a99fd14b424194bbf06c4623d3ee6e3fd022100d2ace346db262b1374a6b70faa51f518a42ddca13a4125ce6f5052a75bac9fb6",
    };

    /// Section `sctn-test-vectors-none-es256-crossOrigin` of the specification.
    const CROSS_ORIGIN: Vector = Vector {
        challenges: [
            "3be5aacd03537142472340ab5969f240f1d87716e20b6807ac230655fa4b3b49",
            "876aa517ba83fdee65fcffdbca4c84eeae5d54f8041a1fc85c991e5bbb273137",
        ],
        client_data: [
            "7b2274797065223a22776562617574686e2e637265617465222c226368616c6c656e6765223a224f2d57717a514e5463554a484930437257576e7951504859647862694332674872434d475666704c4f306b222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a747275652c22657874726144617461223a22636c69656e74446174614a534f4e206d617920626520657874656e6465642077697468206164646974696f6e616c206669656c647320696e20746865206675747572652c207375636820617320746869733a207a5a7175457444523944577170573574425754467567227d",
            "7b2274797065223a22776562617574686e2e676574222c226368616c6c656e6765223a226832716c463771445f65356c5f505f62796b7945377135645650674547685f49584a6b655737736e4d5463222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a747275652c22657874726144617461223a22636c69656e74446174614a534f4e206d617920626520657874656e6465642077697468206164646974696f6e616c206669656c647320696e20746865206675747572652c207375636820617320746869733a2039327063545644304162792d713464746d6a36656667227d",
        ],
        attestation_object: "a363666d74646e6f6e656761747453746d74a068617574684461746158a4bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b54500000000883f4f6014f19c09d87aa38123be48d000206e1050c0d2ca2f07c755cb2c66a74c64fa43065c18f938354d9915db2bd5ce57a501020326200121582022200a473f90b11078851550d03b4e44a2279f8c4eca27b3153dedfe03e4e97d225820cbd0be95e746ad6f5a8191be11756e4c0420e72f65b466d39bc56b8b123a9c6e",
        authenticator_data: "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b50500000000",
        signature: "3046022100eb12fcf23b12764c0f122e22371fab92e283879fd798f38ee1841c951b6e40e7022100c76237ff9db77b3c56f30837cda6a09acfa2e915544e609c0733b1184036d1cf",
    };

    fn bytes(hex: &str) -> Vec<u8> {
        let digit =
            |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok()).unwrap();
        hex.as_bytes().as_chunks().0.iter().map(|[high, low]| 16 * digit(*high) + digit(*low)).collect()
    }

    impl Vector {
        fn register(&self, party: &RelyingParty<'_>) -> Result<(Credential, u32), PasskeyError> {
            let (data, object) = (bytes(self.client_data[0]), bytes(self.attestation_object));
            register(party, &bytes(self.challenges[0]), &data, &object)
        }

        fn sign_in(&self, party: &RelyingParty<'_>, counter: u32) -> Result<u32, PasskeyError> {
            let (credential, _) = self.register(&RelyingParty { needs_verification: false, ..*party })?;
            let sent = [self.client_data[1], self.authenticator_data, self.signature].map(bytes);
            let given = SignedIn { client_data: &sent[0], authenticator_data: &sent[1], signature: &sent[2] };
            let known = (&credential.key, counter);
            block_on(sign_in(&Native, party, &bytes(self.challenges[1]), known, &given))
        }
    }

    #[test]
    fn the_vectors_of_the_specification_are_accepted() {
        for (vector, algorithm) in [
            (NONE_ES256, Algorithm::Es256),
            (SELF_ES256, Algorithm::Es256),
            (LONG_ID, Algorithm::Es256),
            (PACKED_EDDSA, Algorithm::EdDsa),
        ] {
            let (credential, counter) = vector.register(&PARTY).unwrap();
            assert_eq!((credential.key.algorithm, counter), (algorithm, 0));
            assert_eq!(vector.sign_in(&PARTY, 0), Ok(0));
        }
        let (credential, _) = NONE_ES256.register(&PARTY).unwrap();
        assert_eq!(credential.id, "-R85HbTJsv3g6nAYnLo_tj9Xm6YSKzOtlP8-wzAIS-Q");
        assert_eq!(LONG_ID.register(&PARTY).unwrap().0.id.len(), 1_364, "1023 bytes");
    }

    #[test]
    fn another_ceremony_is_refused() {
        assert_eq!(
            CROSS_ORIGIN.register(&PARTY),
            Err(PasskeyError::Elsewhere),
            "inside of another site's page"
        );
        for party in [
            RelyingParty { id: "example.com", ..PARTY },
            RelyingParty { origin: "https://example.org.evil.net", ..PARTY },
            RelyingParty { origin: "http://example.org", ..PARTY },
        ] {
            assert_eq!(NONE_ES256.register(&party), Err(PasskeyError::Elsewhere));
            assert_eq!(NONE_ES256.sign_in(&party, 0), Err(PasskeyError::Elsewhere));
        }
        let swapped =
            Vector { challenges: [NONE_ES256.challenges[1], NONE_ES256.challenges[0]], ..NONE_ES256 };
        assert_eq!(swapped.register(&PARTY), Err(PasskeyError::Elsewhere));
        let replayed =
            Vector { client_data: [NONE_ES256.client_data[1], NONE_ES256.client_data[0]], ..NONE_ES256 };
        assert_eq!(replayed.register(&PARTY), Err(PasskeyError::Elsewhere), "of the other type");
        let empty = Vector { challenges: ["", ""], ..NONE_ES256 };
        assert_eq!(empty.register(&PARTY), Err(PasskeyError::Elsewhere));
    }

    #[test]
    fn verification_counter_and_signature_are_checked() {
        let strict = RelyingParty { needs_verification: true, ..PARTY };
        assert_eq!(NONE_ES256.register(&strict), Err(PasskeyError::Unverified));
        assert_eq!(
            NONE_ES256.sign_in(&PARTY, 1),
            Err(PasskeyError::Copied),
            "it counted before and does not any more"
        );
        let of_another = Vector { signature: SELF_ES256.signature, ..NONE_ES256 };
        assert_eq!(of_another.sign_in(&PARTY, 0), Err(PasskeyError::Signature));
        let of_another_form = Vector { signature: PACKED_EDDSA.signature, ..NONE_ES256 };
        assert_eq!(of_another_form.sign_in(&PARTY, 0), Err(PasskeyError::Signature));
        for cut in ["", "a3", "a363666d74646e6f6e65"] {
            let broken = Vector { attestation_object: cut, ..NONE_ES256 };
            assert_eq!(broken.register(&PARTY), Err(PasskeyError::Malformed), "{cut}");
        }
        let absent = NONE_ES256.authenticator_data.replace("1900000000", "1800000000");
        let absent = Vector { authenticator_data: absent.leak(), ..NONE_ES256 };
        assert_eq!(absent.sign_in(&PARTY, 0), Err(PasskeyError::Unverified));
    }
}
