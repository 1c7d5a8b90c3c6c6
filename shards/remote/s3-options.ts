/** What the SDK shall not find out by itself, from its environment variables and configuration files. */
export interface S3Options {
  /** Of a server other than Amazon's, for example `http://127.0.0.1:9000`; else AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL. */
  readonly endpoint?: string;
  /** Else AWS_REGION, or the profile's. */
  readonly region?: string;
  /** Bucket names in the path instead of the host name; default: where an endpoint is named, since most such servers want it. */
  readonly forcePathStyle?: boolean;
  readonly credentials?: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };
}
