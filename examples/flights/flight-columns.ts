/** A column of text, each distinct text once: what `insertColumns` takes fastest. */
export interface TextColumn {
  readonly codes: Int32Array
  readonly dictionary: readonly string[]
}

/** Consecutive flights of the source, by column, as `insertColumns` takes them. */
export interface FlightColumns {
  readonly number: Int32Array
  readonly date: Float64Array
  readonly delay: Int16Array
  readonly distance: Int16Array
  readonly origin: TextColumn
  readonly destination: TextColumn
}
