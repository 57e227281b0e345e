import Foundation
import KernelImage
import Testing

/// Goal: no input stops the program, hangs it or makes it eat memory: a reader returns a kernel or throws an `ImageError`, whatever the
/// bytes. A million inputs and more, made from small valid images by a seeded generator, so that a failure names the seed that repeats it.
///
/// That each came back is the assertion: a trap ends the test process. Time is the thread's own, so a busy machine does not count.
@Suite struct MutationTests {
  /// Kernels by what is mutated and where: the file as it is, or the ELF inside a payload that is then packed anew.
  enum Target: CaseIterable {
    case elf, multiboot, symbols, kallsyms, gzip, xz, lz4, zstd, repacked

    var inputs: Int {
      switch self {
      case .elf, .kallsyms: 300_000
      case .symbols, .multiboot: 200_000
      case .lz4, .repacked: 100_000
      case .gzip, .zstd: 40_000
      case .xz: 20_000
      }
    }

    /// The valid images to start from.
    var seeds: [[UInt8]] {
      switch self {
      case .elf: return [SyntheticELF().build(), SyntheticELF(bss: 0, withSections: false).build()]
      case .multiboot: return SyntheticMultiboot.Form.allCases.map { SyntheticMultiboot($0, padding: 8).build() }
      case .symbols, .repacked: return [SyntheticELF(symbols: Self.someSymbols).build()]
      case .kallsyms:
        return SyntheticKallsyms.Layout.allCases.map {
          SyntheticKallsyms(symbols: KallsymsTests.symbols($0), layout: $0).inELF()
        }
      case .gzip: return [SyntheticBzImage.build(SyntheticELF().build(), .gzip)]
      case .xz: return [SyntheticBzImage.build(SyntheticELF().build(), .xz)]
      case .lz4: return [SyntheticBzImage.build(SyntheticELF().build(), .lz4)]
      case .zstd: return [SyntheticBzImage.build(SyntheticELF().build(), .zstd)]
      }
    }

    private static let someSymbols = [
      SymbolTableTests.symbol("first", SyntheticELF.textAddress),
      SymbolTableTests.symbol("alias", SyntheticELF.textAddress, global: false),
      SymbolTableTests.symbol("cpu_tss_rw", 0x20, section: 3),
      SymbolTableTests.symbol("counter", SyntheticELF.dataAddress, section: 2),
    ]
  }

  @Test func thereAreAMillionInputs() {
    #expect(Target.allCases.map(\.inputs).reduce(0, +) >= 1_000_000)
  }

  @Test(arguments: Target.allCases)
  func everyInputReturnsOrThrows(target: Target) {
    let seeds = target.seeds
    for seed in seeds { #expect(throws: Never.self) { try KernelImage(bytes: seed, name: "seed") } }
    var accepted = 0
    var slowest = (time: 0.0, number: 0)
    for number in 0..<target.inputs {
      var mutator = Mutator(seed: UInt64(number))
      var input = mutator.mutated(seeds[number % seeds.count])
      if target == .repacked { input = SyntheticBzImage.build(input, .lz4) }
      let start = Self.threadSeconds()
      if Self.read(input) { accepted += 1 }
      let time = Self.threadSeconds() - start
      if time > slowest.time { slowest = (time, number) }
    }
    // Neither always nor never: the mutations must reach behind the first check and must break things.
    #expect(accepted > target.inputs / 1000 && accepted < target.inputs, "\(accepted) of \(target.inputs) accepted")
    #expect(slowest.time < 2, "input \(slowest.number) took \(slowest.time) s")
  }

  /// Reads an image and asks it everything; whether it was accepted.
  private static func read(_ bytes: [UInt8]) -> Bool {
    do throws(ImageError) {
      let image = try KernelImage(bytes: bytes, name: "input")
      _ = try image.placement()?.segments.map { image.contents(of: $0).count }
      for segment in image.loadSegments {
        _ = image.contents(of: segment).count
        _ = image.contents(virtualAddress: segment.virtualAddress, count: 16)
        _ = image.symbols.symbolize(segment.virtualAddress &+ segment.memorySize / 2)
        _ = image.virtualAddress(physical: segment.physicalAddress)
      }
      for section in image.elf?.sections ?? [] { _ = try? image.elf?.contents(of: section) }
      for symbol in image.symbols.symbols {
        _ = image.symbols.lookup(symbol.name)
        _ = image.symbols.symbolize(symbol.address)
      }
      return true
    } catch {
      return error.description.isEmpty
    }
  }

  private static func threadSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}

/// Breaks an image in one to four places, the same way for the same seed.
struct Mutator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  /// SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators").
  private mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
    return mixed ^ mixed >> 31
  }

  private mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(max(bound, 1))) }

  /// Where headers are dense more often than not.
  private mutating func place(_ bytes: [UInt8]) -> Int {
    let place = next() & 1 == 0 ? below(bytes.count) : below(min(bytes.count, 0x260))
    return next() & 1 == 0 ? place : place & ~7
  }

  /// Sizes and addresses that break arithmetic, and some that nearly fit.
  private mutating func number(_ bytes: [UInt8]) -> UInt64 {
    let count = UInt64(bytes.count)
    switch below(12) {
    case 0: return 0
    case 1: return 1
    case 2: return .max
    case 3: return .max - UInt64(below(64))
    case 4: return 1 << UInt64(below(64))
    case 5: return (1 << UInt64(below(64))) &- 1
    case 6: return count
    case 7: return count &+ UInt64(below(17)) &- 8
    case 8: return UInt64(bitPattern: -Int64(count))
    case 9: return SyntheticELF.textAddress &+ UInt64(below(0x2000))
    case 10: return UInt64(below(bytes.count))
    default: return next()
    }
  }

  mutating func mutated(_ original: [UInt8]) -> [UInt8] {
    var bytes = original
    for _ in 0...below(4) {
      guard !bytes.isEmpty else { return bytes }
      let at = place(bytes)
      switch below(10) {
      case 0: bytes[at] ^= 1 << UInt8(below(8))
      case 1: bytes[at] = UInt8(truncatingIfNeeded: next())
      case 2, 3, 4: write(number(bytes), width: 1 << below(4), at: at, in: &bytes)
      case 5: bytes.removeLast(below(bytes.count / (1 << below(8))))
      case 6: bytes.append(contentsOf: repeatElement(UInt8(truncatingIfNeeded: next()), count: below(64)))
      case 7:  // One part over another.
        let length = below(min(256, bytes.count - at))
        let from = below(bytes.count - length)
        bytes.replaceSubrange(at..<at + length, with: Array(bytes[from..<from + length]))
      case 8: bytes.removeSubrange(at..<at + below(min(32, bytes.count - at)))
      default: bytes.insert(contentsOf: repeatElement(0, count: below(32)), at: at)
      }
    }
    return bytes
  }

  private func write(_ number: UInt64, width: Int, at offset: Int, in bytes: inout [UInt8]) {
    for index in 0..<min(width, bytes.count - offset) {
      bytes[offset + index] = UInt8(truncatingIfNeeded: number >> UInt64(8 * index))
    }
  }
}
