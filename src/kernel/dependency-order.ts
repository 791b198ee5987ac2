/**
 * Every node after its dependencies, otherwise in the order given; or, if that cannot be, a circle: the nodes along
 * it, the first one repeated at the end.
 */
export function dependencyOrder<T>(
  nodes: Iterable<T>,
  dependenciesOf: (node: T) => Iterable<T>,
): { readonly order: T[] } | { readonly circle: T[] } {
  const order: T[] = []
  const done = new Set<T>()
  const path: T[] = []
  const visit = (node: T): T[] | undefined => {
    if (done.has(node)) return undefined
    const at = path.indexOf(node)
    if (at >= 0) return [...path.slice(at), node]
    path.push(node)
    for (const dependency of dependenciesOf(node)) {
      const circle = visit(dependency)
      if (circle !== undefined) return circle
    }
    path.pop()
    done.add(node)
    order.push(node)
    return undefined
  }
  for (const node of nodes) {
    const circle = visit(node)
    if (circle !== undefined) return { circle }
  }
  return { order }
}
