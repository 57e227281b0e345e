/// The processor that the tests run on, and the profile that it is compared with.

import HostInstructions
import Machine

struct HostProcessor: CustomStringConvertible {
  /// The name that CPUID gives.
  let vendor: String
  let family: Int
  let model: Int
  let stepping: Int
  /// It has SSSE3, SSE4.1, SSE4.2, POPCNT, MOVBE, BMI1, BMI2 and LZCNT.
  let hasExtensions: Bool

  static let current: HostProcessor = {
    let signature = hostSignature()
    let name = withUnsafeBytes(of: signature.vendor) { String(decoding: $0.prefix(12), as: UTF8.self) }
    return HostProcessor(
      vendor: name, family: Int(signature.family), model: Int(signature.model), stepping: Int(signature.stepping),
      hasExtensions: signature.hasExtensions)
  }()

  /// Hygon's processors are AMD's design; whatever is neither is held against Intel's manual.
  var profile: Profile { vendor == "AuthenticAMD" || vendor == "HygonGenuine" ? .amd : .intel }

  /// A part of the vendor's that has these.
  var extendedProfile: Profile { profile.vendor == .amd ? .zen3 : .iceLake }

  var description: String { "\(vendor) family \(family) model \(model) stepping \(stepping), profile \(profile.name)" }
}
