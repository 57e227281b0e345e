/// A snapshot holds the pages that are not all zero: whichever were touched, and those of a file that were not.
import Foundation
import Machine
import Testing

@Suite struct NonzeroPagesTests {
  private static let pages = 64
  private static let size = pages * PhysicalMemory.pageSize

  private static func write(_ bytes: [UInt8], _ memory: PhysicalMemory, at address: UInt64) {
    Processor(memory: memory, profile: .intel).writePhysical(bytes, at: address)
  }

  private static func nonzero(_ memory: PhysicalMemory) -> [UInt64: UInt8] {
    var found: [UInt64: UInt8] = [:]
    _ = memory.forEachNonzeroPage { address, bytes in
      found[address / UInt64(PhysicalMemory.pageSize)] = bytes.first { $0 != 0 }
      return true
    }
    return found
  }

  @Test func whatWasWritten() throws {
    let memory = try #require(PhysicalMemory(size: Self.size))
    #expect(Self.nonzero(memory).isEmpty)
    Self.write([7], memory, at: 0x3fff)
    Self.write([8], memory, at: UInt64(Self.size) - 1)
    // Touched, and zero all the same: by reading, and by writing zeros.
    _ = memory.bytes(at: 0x5000, count: 8)
    Self.write([UInt8](repeating: 0, count: 4096), memory, at: 0x9000)
    #expect(Self.nonzero(memory) == [3: 7, UInt64(Self.pages) - 1: 8])
  }

  @Test func whatAFileHolds() throws {
    let file = FileManager.default.temporaryDirectory.appending(path: "limen-\(UUID()).ram")
    defer { try? FileManager.default.removeItem(at: file) }
    var bytes = Data(count: Self.size)
    bytes[0x2001] = 5
    bytes[0x8fff] = 6
    try bytes.write(to: file)
    let handle = try FileHandle(forReadingFrom: file)
    let memory = try #require(PhysicalMemory(size: Self.size, privateCopyOf: handle.fileDescriptor))
    Self.write([9], memory, at: 0x4000)
    Self.write([0], memory, at: 0x2001)
    #expect(Self.nonzero(memory) == [4: 9, 8: 6])
  }

  @Test func untilTheBodyHasEnough() throws {
    let memory = try #require(PhysicalMemory(size: Self.size))
    for page in [1, 2, 3] { Self.write([1], memory, at: UInt64(page * 4096)) }
    var seen = 0
    let all = memory.forEachNonzeroPage { _, _ in
      seen += 1
      return seen < 2
    }
    #expect(!all && seen == 2)
  }
}
