/// A bus with memory of its own at one place, which counts how often each byte is read and written.
import Machine

final class MemoryBus: Bus {
  let base: UInt64
  var bytes: [UInt8]
  private(set) var reads: [UInt64: Int] = [:]
  private(set) var writes: [UInt64: Int] = [:]
  private(set) var ports: [String] = []

  init(base: UInt64, size: Int) {
    self.base = base
    bytes = [UInt8](repeating: 0, count: size)
  }

  func forget() {
    reads = [:]
    writes = [:]
    ports = []
  }

  private func index(_ address: UInt64) -> Int? {
    address >= base && address - base < UInt64(bytes.count) ? Int(address - base) : nil
  }

  func write(_ new: [UInt8], at address: UInt64) {
    for (i, byte) in new.enumerated() { if let at = index(address + UInt64(i)) { bytes[at] = byte } }
  }

  func readPort(_ port: UInt16, size: Int) -> UInt32 {
    ports.append("in \(port) \(size)")
    return 0x1234_5678
  }

  func writePort(_ port: UInt16, size: Int, value: UInt32) { ports.append("out \(port) \(size) \(value)") }

  func readMemory(_ address: UInt64, size: Int) -> UInt64 {
    var value: UInt64 = 0
    for i in 0..<size {
      reads[address + UInt64(i), default: 0] += 1
      value |= UInt64(index(address + UInt64(i)).map { bytes[$0] } ?? 0xFF) << UInt64(i * 8)
    }
    return value
  }

  func writeMemory(_ address: UInt64, size: Int, value: UInt64) {
    for i in 0..<size {
      writes[address + UInt64(i), default: 0] += 1
      if let at = index(address + UInt64(i)) { bytes[at] = UInt8(truncatingIfNeeded: value >> UInt64(i * 8)) }
    }
  }
}
