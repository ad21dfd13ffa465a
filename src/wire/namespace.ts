/** The request header that names the namespace which a call is about; without it, the service's default. */
export const NAMESPACE_HEADER = 'headwater-namespace';
