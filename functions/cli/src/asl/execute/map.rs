//! A Map: the same flow for each item, some at a time.

use futures_util::stream::{FuturesUnordered, StreamExt};
use serde_json::Value;

use super::{
    Execution, Functions, Step, Visit,
    halt::{End, Halt},
};
use crate::asl::{data::Item, definition::MapState};

impl<F: Functions> Execution<'_, F> {
    pub(super) async fn map<'s>(
        &self,
        map: &'s MapState,
        visit: &Visit<'_>,
    ) -> Result<Step<'s>, Halt> {
        match self.iterate(map, visit).await {
            Ok(outputs) => {
                let output = map.result_path.apply(visit.input, Value::Array(outputs))?;
                Ok(Step::new(output, &map.next))
            }
            Err(halt) => self.catch(&map.catch, visit, halt),
        }
    }

    /// Outputs stand in the order of the items, whichever ended first. "If any iteration fails, entire
    /// Map state fails, and all iterations are terminated" (AWS Step Functions, Map workflow state).
    async fn iterate(&self, map: &MapState, visit: &Visit<'_>) -> Result<Vec<Value>, Halt> {
        let Value::Array(items) = map.items.resolve(visit.input)? else {
            return Err(Halt::runtime(format!(
                "ItemsPath '{}' is not a list",
                map.items
            )));
        };
        // The Map itself started and succeeded.
        self.count_history(2)?;
        let mut outputs = vec![Value::Null; items.len()];
        let mut waiting = items.iter().enumerate();
        let mut running = FuturesUnordered::new();
        loop {
            while running.len() < map.max_concurrency {
                let Some((index, value)) = waiting.next() else {
                    break;
                };
                let item = Item { index, value };
                running.push(async move { (index, self.iteration(map, visit, item).await) });
            }
            match running.next().await {
                None => return Ok(outputs),
                Some((index, output)) => outputs[index] = output?,
            }
        }
    }

    async fn iteration(
        &self,
        map: &MapState,
        visit: &Visit<'_>,
        item: Item<'_>,
    ) -> Result<Value, Halt> {
        self.count_history(2)?;
        let input = match &map.item_selector {
            None => item.value.clone(),
            Some(selector) => self.evaluate(selector, visit, 0, Some(item))?,
        };
        let flow = &map.processor;
        self.flow(flow, &flow.start_at, input, Some(item.index))
            .await
            .map_err(|End { reason, state, .. }| Halt {
                reason,
                inner_state: Some(state),
            })
    }
}
