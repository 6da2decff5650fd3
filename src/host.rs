//! What work needs of its surroundings, whether or not a request is behind it: bindings, settings and a way to outlive
//! its event. A request has a [`Host`], and so does an object that makes requests of its own.

use std::rc::Rc;

use nexus_edge_core::error::ApiError;
use worker::Env;

use crate::platform::executor::Tasks;
use crate::settings::{self, Settings};

/// The deployment as seen by one event.
#[derive(Clone)]
pub struct Host {
    /// Bindings of the deployment.
    pub env: Env,
    /// Settings of the deployment.
    pub settings: Rc<Settings>,
    /// Keeps background work alive after the event.
    pub tasks: Tasks,
}

impl Host {
    /// The host of an event or object with these tasks.
    ///
    /// # Errors
    /// `not_configured` (503) if the deployment lacks a secret that nothing works without.
    pub fn new(env: &Env, tasks: Tasks) -> Result<Self, ApiError> {
        Ok(Self { env: env.clone(), settings: settings::get(env)?, tasks })
    }
}
