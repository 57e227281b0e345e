/// What a kernel says of itself in the section `.limen.claims`: at which addresses it takes interrupts to be on or off.
///
/// The project's own format, described in Documentation/Designs.md. Each record is 24 bytes: two 64-bit addresses, the first
/// and the one behind the last; a 32-bit state, 0 for off and 1 for on; 32 bits that are 0. An image without the section
/// claims nothing.

/// A range of addresses and what the code there takes for granted.
public struct InterruptClaim: Sendable, Hashable {
  public let addresses: Range<UInt64>
  /// Interrupts are taken to be on; else to be off.
  public let areOn: Bool

  public init(addresses: Range<UInt64>, areOn: Bool) {
    self.addresses = addresses
    self.areOn = areOn
  }
}

extension ELFImage {
  static let claimsSection = ".limen.claims"

  /// In the order of the section.
  func claims() throws(ImageError) -> [InterruptClaim] {
    guard let section = section(named: Self.claimsSection) else { return [] }
    guard section.size % 24 == 0 else {
      throw image.malformed(
        at: section.header + 32, "\(Self.claimsSection) of \(section.size) bytes does not hold records of 24 bytes")
    }
    let records = try contents(of: section)
    var claims: [InterruptClaim] = []
    for at in stride(from: records.lowerBound, to: records.upperBound, by: 24) {
      let start = image.bytes.littleEndian(UInt64.self, at: at)
      let end = image.bytes.littleEndian(UInt64.self, at: at + 8)
      let state = image.bytes.littleEndian(UInt32.self, at: at + 16)
      guard start <= end else {
        throw image.malformed(at: UInt64(at), "a claim of \(Self.claimsSection) that ends before it starts")
      }
      guard state <= 1, image.bytes.littleEndian(UInt32.self, at: at + 20) == 0 else {
        throw image.malformed(
          at: UInt64(at) + 16, "a claim of \(Self.claimsSection) that is neither 0, off, nor 1, on")
      }
      claims.append(InterruptClaim(addresses: start..<end, areOn: state == 1))
    }
    return claims
  }
}
