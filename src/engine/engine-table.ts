import type { TableSchema } from '../schema/table-schema.ts'
import type { Tablet } from '../tablet/tablet.ts'

/** A table under one schema. Whoever reads it over several turns of the event loop keeps it; then the read goes on as it began. */
export class TableForm {
  readonly schema: TableSchema
  /** By ordinal. */
  readonly tablets: readonly Tablet[]
  #users = 1

  /** The caller is the first user. */
  constructor(schema: TableSchema, tablets: readonly Tablet[]) {
    this.schema = schema
    this.tablets = tablets
  }

  retain(): void {
    this.#users++
  }

  /** The last one lets go of the tablets. */
  release(): void {
    if (--this.#users > 0) return
    for (const tablet of this.tablets) tablet.drop()
  }
}

/** A table of an open database, whatever it is called and looks like now. */
export class EngineTable {
  #form: TableForm
  #hold: { readonly altering: Promise<void>; readonly end: () => void } | undefined
  readonly #calls = new Set<Promise<unknown>>()

  constructor(form: TableForm) {
    this.#form = form
  }

  get form(): TableForm {
    return this.#form
  }

  get schema(): TableSchema {
    return this.#form.schema
  }

  get tablets(): readonly Tablet[] {
    return this.#form.tablets
  }

  /** While the table is being altered, no write to it may be begun; resolves, and never rejects, when that is over. Undefined: go on. */
  get altering(): Promise<void> | undefined {
    return this.#hold?.altering
  }

  /** Makes a call known that hands several writes to the queue, one after the other: it is not to be altered between them. */
  during<R>(call: Promise<R>): Promise<R> {
    const ended = call.then(
      () => undefined,
      () => undefined,
    )
    this.#calls.add(ended)
    void ended.then(() => this.#calls.delete(ended))
    return call
  }

  /** No write is begun from now on until `letWrite`; resolves when the calls under way have handed over their last one. */
  async holdWrites(): Promise<void> {
    let end: () => void = () => undefined
    const altering = new Promise<void>((resolve) => {
      end = resolve
    })
    this.#hold = { altering, end }
    await Promise.all(this.#calls)
  }

  /** Ends what `holdWrites` began, if it did. */
  letWrite(): void {
    const hold = this.#hold
    this.#hold = undefined
    hold?.end()
  }

  /** From now on the table is this; reads of what it was go on. */
  become(form: TableForm): void {
    const before = this.#form
    this.#form = form
    before.release()
  }
}
