import { styleText } from 'node:util'

/** Emphasis for people; each gives its text unchanged where colours are not wanted. */
export interface Style {
  bold(text: string): string
  dim(text: string): string
  red(text: string): string
  green(text: string): string
  yellow(text: string): string
}

/** Colours on a terminal, unless NO_COLOR is set to something (https://no-color.org). */
export function styleFor(stream: { readonly isTTY?: boolean }, env: Readonly<Record<string, string | undefined>>): Style {
  const wanted = stream.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb'
  const styled = (format: Parameters<typeof styleText>[0]) => (text: string) => (wanted ? styleText(format, text) : text)
  return { bold: styled('bold'), dim: styled('dim'), red: styled('red'), green: styled('green'), yellow: styled('yellow') }
}
