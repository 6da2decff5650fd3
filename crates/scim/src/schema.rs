//! The attributes of users and groups (RFC 7643, section 4), declared once: what is read, compared, changed, shown and described
//! follows from here.
//!
//! Names of attributes and schemas are compared without regard to case (RFC 7643, section 2.1).

/// A resource, or a part of one.
pub type Object = serde_json::Map<String, serde_json::Value>;

/// What values an attribute has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// True or false.
    Boolean,
    /// A time in the form of RFC 3339.
    Time,
    /// An address, or a part of one.
    Reference,
    /// A value with these parts.
    Complex(&'static [Attribute]),
}

/// Who says what a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutability {
    /// The client.
    ReadWrite,
    /// The service. What a client sends is ignored.
    ReadOnly,
    /// The client, once.
    Immutable,
}

/// An attribute.
#[expect(clippy::struct_excessive_bools, reason = "the characteristics of RFC 7643, section 7, are as many")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attribute {
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub description: &'static str,
    /// What values it has.
    pub kind: Kind,
    /// Whether it has any number of values.
    pub is_list: bool,
    /// Whether a resource must have it.
    pub is_required: bool,
    /// Whether upper and lower case differ.
    pub is_case_exact: bool,
    /// Whether no two resources have the same value.
    pub is_unique: bool,
    /// Who says what it is.
    pub mutability: Mutability,
}

impl Attribute {
    const fn of(name: &'static str, kind: Kind, description: &'static str) -> Self {
        Self {
            name,
            description,
            kind,
            is_list: false,
            is_required: false,
            is_case_exact: false,
            is_unique: false,
            mutability: Mutability::ReadWrite,
        }
    }

    const fn text(name: &'static str, description: &'static str) -> Self {
        Self::of(name, Kind::Text, description)
    }

    const fn complex(name: &'static str, parts: &'static [Self], description: &'static str) -> Self {
        Self::of(name, Kind::Complex(parts), description)
    }

    const fn list(self) -> Self {
        Self { is_list: true, ..self }
    }

    const fn required(self) -> Self {
        Self { is_required: true, ..self }
    }

    const fn exact(self) -> Self {
        Self { is_case_exact: true, ..self }
    }

    const fn unique(self) -> Self {
        Self { is_unique: true, ..self }
    }

    const fn read_only(self) -> Self {
        Self { mutability: Mutability::ReadOnly, ..self }
    }

    const fn immutable(self) -> Self {
        Self { mutability: Mutability::Immutable, ..self }
    }

    /// The parts of a complex attribute; none of another.
    #[must_use]
    pub const fn parts(&self) -> &'static [Self] {
        match self.kind {
            Kind::Complex(parts) => parts,
            Kind::Text | Kind::Boolean | Kind::Time | Kind::Reference => &[],
        }
    }

    /// The part with this name.
    #[must_use]
    pub fn part(&self, name: &str) -> Option<&'static Self> {
        find(self.parts(), name)
    }
}

/// The attribute with this name.
#[must_use]
pub fn find(attributes: &'static [Attribute], name: &str) -> Option<&'static Attribute> {
    attributes.iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name))
}

/// A schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schema {
    /// Its URN.
    pub id: &'static str,
    /// A name for people.
    pub name: &'static str,
    /// What it describes.
    pub description: &'static str,
    /// Its attributes.
    pub attributes: &'static [Attribute],
}

/// A type of resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResourceType {
    /// Its name.
    pub name: &'static str,
    /// Where its resources are, below the base address.
    pub endpoint: &'static str,
    /// What it describes.
    pub description: &'static str,
    /// Its schema.
    pub schema: &'static Schema,
    /// Schemas whose attributes stand in an object under the schema's URN.
    pub extensions: &'static [&'static Schema],
}

impl ResourceType {
    /// The attribute of the schema, or one that every resource has (RFC 7643, section 3.1).
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&'static Attribute> {
        find(self.schema.attributes, name).or_else(|| find(COMMON, name))
    }

    /// The extension with this URN.
    #[must_use]
    pub fn extension(&self, urn: &str) -> Option<&'static Schema> {
        self.extensions.iter().copied().find(|schema| schema.id.eq_ignore_ascii_case(urn))
    }
}

/// URN of users.
pub const USER_URN: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// URN of the extension for employees.
pub const ENTERPRISE_URN: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/// URN of groups.
pub const GROUP_URN: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

const META: &[Attribute] = &[
    Attribute::text("resourceType", "The type of the resource.").exact().read_only(),
    Attribute::of("created", Kind::Time, "When it was made.").read_only(),
    Attribute::of("lastModified", Kind::Time, "When it was last changed.").read_only(),
    Attribute::of("location", Kind::Reference, "Its address.").exact().read_only(),
    Attribute::text("version", "The name of its state, as in the header `ETag`.").exact().read_only(),
];

/// What every resource has.
pub const COMMON: &[Attribute] = &[
    Attribute::text("id", "The id that the gateway gave.").exact().read_only(),
    Attribute::text("externalId", "The id that the client gave.").exact(),
    Attribute::complex("meta", META, "What is known about the resource.").read_only(),
];

const NAME: &[Attribute] = &[
    Attribute::text("formatted", "The whole name, as it is shown."),
    Attribute::text("familyName", "The last name."),
    Attribute::text("givenName", "The first name."),
    Attribute::text("middleName", "Names between them."),
    Attribute::text("honorificPrefix", "A title before the name."),
    Attribute::text("honorificSuffix", "What stands behind the name."),
];

const TYPE: Attribute = Attribute::text("type", "What it is for, such as `work` or `home`.");
const PRIMARY: Attribute = Attribute::of("primary", Kind::Boolean, "Whether it is the preferred one.");
const DISPLAY: Attribute = Attribute::text("display", "A name for people.");

const EMAILS: &[Attribute] = &[Attribute::text("value", "The mail address."), DISPLAY, TYPE, PRIMARY];
const PHONES: &[Attribute] = &[Attribute::text("value", "The number."), DISPLAY, TYPE, PRIMARY];
const ROLES: &[Attribute] = &[Attribute::text("value", "The code of the role.").read_only()];
const ADDRESSES: &[Attribute] = &[
    Attribute::text("formatted", "The whole address, as it is shown."),
    Attribute::text("streetAddress", "Street and number."),
    Attribute::text("locality", "The city."),
    Attribute::text("region", "The state or region."),
    Attribute::text("postalCode", "The postal code."),
    Attribute::text("country", "The country."),
    TYPE,
    PRIMARY,
];
const GROUPS: &[Attribute] = &[
    Attribute::text("value", "The id of the group.").exact().read_only(),
    Attribute::of("$ref", Kind::Reference, "The address of the group.").exact().read_only(),
    Attribute::text("display", "The name of the group.").read_only(),
    Attribute::text("type", "`direct`: groups have no groups in them.").read_only(),
];
const MANAGER: &[Attribute] = &[
    Attribute::text("value", "The id of the manager.").exact(),
    Attribute::of("$ref", Kind::Reference, "The address of the manager.").exact(),
    Attribute::text("displayName", "The name of the manager.").read_only(),
];
const MEMBERS: &[Attribute] = &[
    Attribute::text("value", "The id of the user.").exact().immutable(),
    Attribute::of("$ref", Kind::Reference, "The address of the user.").exact().immutable(),
    Attribute::text("display", "The name of the user.").read_only(),
];

/// The schema of users.
pub static USER: Schema = Schema {
    id: USER_URN,
    name: "User",
    description: "A user",
    attributes: &[
        Attribute::text("userName", "By what the user is known in the directory.").required().unique(),
        Attribute::complex("name", NAME, "The parts of the name."),
        Attribute::text("displayName", "The name as it is shown."),
        Attribute::text("nickName", "What the user is called."),
        Attribute::of("profileUrl", Kind::Reference, "A page about the user."),
        Attribute::text("title", "What the user is, such as `Vice President`."),
        Attribute::text("userType", "How the user belongs to the organisation, such as `Employee`."),
        Attribute::text("preferredLanguage", "The language (RFC 7231, section 5.3.5)."),
        Attribute::text("locale", "By what numbers and dates are written (RFC 5646)."),
        Attribute::text("timezone", "The time zone, by its IANA name."),
        Attribute::of("active", Kind::Boolean, "Whether the user may sign in and use API keys."),
        Attribute::complex("emails", EMAILS, "Mail addresses. The primary one is the account's.").list(),
        Attribute::complex("phoneNumbers", PHONES, "Telephone numbers.").list(),
        Attribute::complex("addresses", ADDRESSES, "Postal addresses.").list(),
        Attribute::complex("groups", GROUPS, "The groups that the user is in.").list().read_only(),
        Attribute::complex("roles", ROLES, "The roles that the user has.").list().read_only(),
    ],
};

/// What is known about employees.
pub static ENTERPRISE_USER: Schema = Schema {
    id: ENTERPRISE_URN,
    name: "EnterpriseUser",
    description: "An employee",
    attributes: &[
        Attribute::text("employeeNumber", "The number of the employee."),
        Attribute::text("costCenter", "Who pays for the employee."),
        Attribute::text("organization", "The organisation."),
        Attribute::text("division", "The division."),
        Attribute::text("department", "The department."),
        Attribute::complex("manager", MANAGER, "The manager."),
    ],
};

/// The schema of groups.
pub static GROUP: Schema = Schema {
    id: GROUP_URN,
    name: "Group",
    description: "A team",
    attributes: &[
        Attribute::text("displayName", "The name of the team.").required(),
        Attribute::complex("members", MEMBERS, "The users in the team.").list(),
    ],
};

/// Users.
pub static USERS: ResourceType = ResourceType {
    name: "User",
    endpoint: "/Users",
    description: "Users of the gateway",
    schema: &USER,
    extensions: &[&ENTERPRISE_USER],
};

/// Groups.
pub static GROUPS_TYPE: ResourceType = ResourceType {
    name: "Group",
    endpoint: "/Groups",
    description: "Teams of the gateway",
    schema: &GROUP,
    extensions: &[],
};
