/// From a profile's name to the processor that it names.
import Findings
import Machine

extension ProfileName {
  public var processor: Profile {
    guard let profile = Profile.named(rawValue) else { preconditionFailure("\(rawValue) names no processor") }
    return profile
  }
}
