/** Settings that replace those the SDK finds in its environment variables and configuration files. */
export interface S3Options {
  /**
   * Endpoint of a server other than Amazon's, for example `http://127.0.0.1:9000`; default: AWS_ENDPOINT_URL_S3 or
   * AWS_ENDPOINT_URL.
   */
  readonly endpoint?: string;
  /** Default: AWS_REGION, or the profile's region. */
  readonly region?: string;
  /**
   * Put bucket names in the path instead of the host name. Default: true if an endpoint is given, since most such
   * servers need it.
   */
  readonly forcePathStyle?: boolean;
  readonly credentials?: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };
}
