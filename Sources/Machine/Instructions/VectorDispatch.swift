/// Where x87, MMX and SSE instructions enter: their bodies follow in this folder.
import CZydis

extension Translator {
  mutating func translateVector() -> Bool { false }
}

extension Processor {
  func executeVector(_ u: Operation) throws(Fault) { throw Fault.unsupported("x87, MMX and SSE instructions") }
}
