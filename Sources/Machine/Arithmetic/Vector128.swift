/// One XMM register, and the shape that it shares with an MMX register.
/// Intel SDM vol. 1, "Fundamental and Packed Data Types"; element 0 is the least significant.

import HostFloatingPoint

public struct Vector128: Hashable, Sendable, BitwiseCopyable {
  public var low: UInt64
  public var high: UInt64

  public static let zero = Vector128(low: 0, high: 0)

  public init(low: UInt64 = 0, high: UInt64 = 0) {
    self.low = low
    self.high = high
  }

  init(_ host: HostVector) { self.init(low: host.low, high: host.high) }
  var host: HostVector { HostVector(low: low, high: high) }

  /// The destination of a scalar instruction: the low 32 bits from `element`, the rest unchanged.
  public func replacingLow32(with element: UInt32) -> Vector128 {
    Vector128(low: low & ~0xFFFF_FFFF | UInt64(element), high: high)
  }

  /// The destination of a scalar instruction: the low 64 bits from `element`, the rest unchanged.
  public func replacingLow64(with element: UInt64) -> Vector128 { Vector128(low: element, high: high) }
}

/// A register of packed elements: 64 bits (MMX) or 128 bits (XMM). Integer SIMD is written once over this protocol.
protocol PackedRegister: Equatable, BitwiseCopyable {
  associatedtype Bytes: SIMD where Bytes.Scalar == UInt8
  associatedtype SignedBytes: SIMD where SignedBytes.Scalar == Int8
  associatedtype UnsignedWords: SIMD where UnsignedWords.Scalar == UInt16
  associatedtype SignedWords: SIMD where SignedWords.Scalar == Int16
  associatedtype Doublewords: SIMD where Doublewords.Scalar == UInt32
  associatedtype SignedDoublewords: SIMD where SignedDoublewords.Scalar == Int32

  static var zero: Self { get }

  var bytes: Bytes { get }
  var signedBytes: SignedBytes { get }
  var unsignedWords: UnsignedWords { get }
  var signedWords: SignedWords { get }
  var doublewords: Doublewords { get }
  var signedDoublewords: SignedDoublewords { get }

  init(elements: Bytes)
  init(elements: SignedBytes)
  init(elements: UnsignedWords)
  init(elements: SignedWords)
  init(elements: Doublewords)
  init(elements: SignedDoublewords)

  /// The same 64-bit operation on each quadword. (A vector of one quadword has no SIMD type.)
  func quadwords(_ other: Self, _ operation: (UInt64, UInt64) -> UInt64) -> Self
}

// SAFETY, for all the casts below: both types are trivial and of the same size and alignment, and any bit pattern is a
// value of each. They are spelt out per type because a cast between two generic types loses sight of the alignment.

extension UInt64: PackedRegister {
  @inline(__always) var bytes: SIMD8<UInt8> { unsafeBitCast(self, to: SIMD8<UInt8>.self) }
  @inline(__always) var signedBytes: SIMD8<Int8> { unsafeBitCast(self, to: SIMD8<Int8>.self) }
  @inline(__always) var unsignedWords: SIMD4<UInt16> { unsafeBitCast(self, to: SIMD4<UInt16>.self) }
  @inline(__always) var signedWords: SIMD4<Int16> { unsafeBitCast(self, to: SIMD4<Int16>.self) }
  @inline(__always) var doublewords: SIMD2<UInt32> { unsafeBitCast(self, to: SIMD2<UInt32>.self) }
  @inline(__always) var signedDoublewords: SIMD2<Int32> { unsafeBitCast(self, to: SIMD2<Int32>.self) }

  @inline(__always) init(elements: SIMD8<UInt8>) { self = unsafeBitCast(elements, to: UInt64.self) }
  @inline(__always) init(elements: SIMD8<Int8>) { self = unsafeBitCast(elements, to: UInt64.self) }
  @inline(__always) init(elements: SIMD4<UInt16>) { self = unsafeBitCast(elements, to: UInt64.self) }
  @inline(__always) init(elements: SIMD4<Int16>) { self = unsafeBitCast(elements, to: UInt64.self) }
  @inline(__always) init(elements: SIMD2<UInt32>) { self = unsafeBitCast(elements, to: UInt64.self) }
  @inline(__always) init(elements: SIMD2<Int32>) { self = unsafeBitCast(elements, to: UInt64.self) }

  @inline(__always) func quadwords(_ other: UInt64, _ operation: (UInt64, UInt64) -> UInt64) -> UInt64 {
    operation(self, other)
  }
}

extension Vector128: PackedRegister {
  @inline(__always) private var pair: SIMD2<UInt64> { SIMD2(low, high) }
  @inline(__always) private init(pair: SIMD2<UInt64>) { self.init(low: pair[0], high: pair[1]) }

  @inline(__always) var bytes: SIMD16<UInt8> { unsafeBitCast(pair, to: SIMD16<UInt8>.self) }
  @inline(__always) var signedBytes: SIMD16<Int8> { unsafeBitCast(pair, to: SIMD16<Int8>.self) }
  @inline(__always) var unsignedWords: SIMD8<UInt16> { unsafeBitCast(pair, to: SIMD8<UInt16>.self) }
  @inline(__always) var signedWords: SIMD8<Int16> { unsafeBitCast(pair, to: SIMD8<Int16>.self) }
  @inline(__always) var doublewords: SIMD4<UInt32> { unsafeBitCast(pair, to: SIMD4<UInt32>.self) }
  @inline(__always) var signedDoublewords: SIMD4<Int32> { unsafeBitCast(pair, to: SIMD4<Int32>.self) }

  @inline(__always) init(elements: SIMD16<UInt8>) { self.init(pair: unsafeBitCast(elements, to: SIMD2<UInt64>.self)) }
  @inline(__always) init(elements: SIMD16<Int8>) { self.init(pair: unsafeBitCast(elements, to: SIMD2<UInt64>.self)) }
  @inline(__always) init(elements: SIMD8<UInt16>) { self.init(pair: unsafeBitCast(elements, to: SIMD2<UInt64>.self)) }
  @inline(__always) init(elements: SIMD8<Int16>) { self.init(pair: unsafeBitCast(elements, to: SIMD2<UInt64>.self)) }
  @inline(__always) init(elements: SIMD4<UInt32>) { self.init(pair: unsafeBitCast(elements, to: SIMD2<UInt64>.self)) }
  @inline(__always) init(elements: SIMD4<Int32>) { self.init(pair: unsafeBitCast(elements, to: SIMD2<UInt64>.self)) }

  @inline(__always) func quadwords(_ other: Vector128, _ operation: (UInt64, UInt64) -> UInt64) -> Vector128 {
    Vector128(low: operation(low, other.low), high: operation(high, other.high))
  }
}
