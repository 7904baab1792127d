//! What `up` prints once a Session answers: where, who may come in, and what to try.

use std::net::SocketAddr;

use cubegate_api::ROLE_USER;
use cubegate_cube::CubeSchema;
use cubegate_policy::{
    compile::Parsed,
    snapshot::{Authentication, Checked, Clause, Condition, Subject},
};

use crate::{
    manifests::{Manifests, Object},
    sessions::Declared,
    terminal::say,
};

/// A TechnicalUser as the screen shows it.
struct Login {
    username: String,
    roles: Vec<String>,
    /// Only when its Secret says that it is an example.
    password: Option<String>,
}

/// Prints `ready NAME URL`, the users, and three commands.
pub(crate) fn ready(declared: &Declared, address: SocketAddr, cubes: &[CubeSchema], manifests: &Manifests) {
    let (url, insecure) = match declared.certificate {
        None => (format!("http://{address}"), ""),
        // Nobody vouches for a certificate of this address.
        Some(_) => (format!("https://{address}"), "-k "),
    };
    say!("ready {} {url}", declared.name());
    let logins = logins(declared, manifests);
    let tried = login_to_try(&logins);
    if let Authentication::Open = declared.compiled.snapshot.door.authentication {
        say!("\n  open to everybody, because the Session has no `authentication`");
    } else {
        print_logins(&logins);
    }
    let credentials = tried.map(|login| format!("-u {} ", quoted(&credential(login)))).unwrap_or_default();
    let credentials = format!("{insecure}{credentials}");
    say!("\ntry\n  curl {credentials}{url}/whoami\n  curl {credentials}{url}/api/v1/cubes");
    if let Some(cube) = cubes.first() {
        let query = quoted(&query_to_try(declared, tried, cube));
        say!(
            "  curl {credentials}{url}/api/v1/cubes/{}/query -H 'Accept: text/csv' -d {query}",
            path_segment(&cube.name)
        );
    }
    say!("");
}

fn logins(declared: &Declared, manifests: &Manifests) -> Vec<Login> {
    let Authentication::Closed(ways) = &declared.compiled.snapshot.door.authentication else { return Vec::new() };
    let usable = ways.technical_users.iter().filter_map(|(username, user)| match user {
        Checked::Valid(user) => Some((username, user)),
        Checked::Broken(_) => None,
    });
    usable
        .map(|(username, user)| Login {
            username: username.clone(),
            roles: user.roles.iter().cloned().collect(),
            password: example_password(username, manifests),
        })
        .collect()
}

fn example_password(username: &str, manifests: &Manifests) -> Option<String> {
    let reference = manifests.entries.iter().find_map(|entry| match &entry.object {
        Object::TechnicalUser(Parsed::Valid(user)) if user.username() == username => {
            Some(&user.spec.password_secret_ref)
        }
        _ => None,
    })?;
    let (data, is_example) = manifests.secret(&reference.name)?;
    let password = data.get(&reference.key).filter(|_| is_example)?;
    String::from_utf8(password.clone()).ok()
}

fn print_logins(logins: &[Login]) {
    let width =
        |text: fn(&Login) -> &str| logins.iter().map(|login| text(login).chars().count()).max().unwrap_or_default();
    let (names, passwords) = (width(|login| &login.username), width(Login::shown_password));
    say!("\nusers (HTTP Basic)");
    for login in logins {
        say!("  {:names$}  {:passwords$}  {}", login.username, login.shown_password(), login.roles.join(" "));
    }
}

impl Login {
    fn shown_password(&self) -> &str {
        self.password.as_deref().unwrap_or("(as in its Secret)")
    }
}

/// The most restricted user whose password may be shown, so that the answer shows what Cubegate is for.
fn login_to_try(logins: &[Login]) -> Option<&Login> {
    let may_enter = logins.iter().filter(|login| login.roles.iter().any(|role| role == ROLE_USER));
    may_enter.max_by_key(|login| (login.password.is_some(), login.roles.len()))
}

fn credential(login: &Login) -> String {
    match &login.password {
        Some(password) => format!("{}:{password}", login.username),
        None => login.username.clone(),
    }
}

/// A query by a level that a role of the user restricts, if there is one.
fn query_to_try(declared: &Declared, login: Option<&Login>, cube: &CubeSchema) -> String {
    let roles = &declared.compiled.snapshot.access.roles;
    let clauses = login.into_iter().flat_map(|login| &login.roles).filter_map(|role| match roles.get(role) {
        Some(Checked::Valid(access)) => Some(&access.clauses),
        Some(Checked::Broken(_)) | None => None,
    });
    let column = |clause: &Clause| match &clause.condition {
        Condition::Line { subject: Subject::Column(column), .. } => Some(column.column.clone()),
        Condition::Line { subject: Subject::Level { .. }, .. } | Condition::Cut { .. } => None,
    };
    let restricted: Vec<String> = clauses.flatten().filter_map(column).collect();
    let levels =
        || cube.hierarchies.iter().flat_map(|hierarchy| hierarchy.levels.iter().map(move |level| (hierarchy, level)));
    let level = levels().find(|(_, level)| restricted.contains(&level.column.column)).or_else(|| levels().next()).map(
        |(hierarchy, level)| match levels().filter(|(_, other)| other.name == level.name).count() {
            1 => level.name.clone(),
            _ => format!("{}/{}", hierarchy.name, level.name),
        },
    );
    let measure = cube.measures.first().map(|measure| measure.name.clone());
    serde_json::json!({
        "levels": level.into_iter().collect::<Vec<_>>(),
        "measures": measure.into_iter().collect::<Vec<_>>(),
        "totals": true,
    })
    .to_string()
}

/// Quotes for a POSIX shell.
fn quoted(text: &str) -> String {
    if text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:@".contains(c)) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Escapes what a URL path segment cannot hold (RFC 3986 §3.3).
fn path_segment(text: &str) -> String {
    use std::fmt::Write;
    let mut segment = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            segment.push(char::from(byte));
        } else {
            let _ = write!(segment, "%{byte:02X}");
        }
    }
    segment
}
