// A certificate that nobody trusts, for servers of tests: self-signed, for localhost and 127.0.0.1, good for a century. Its key is
// no secret.

export const untrusted = {
  cert: `-----BEGIN CERTIFICATE-----
MIIBmjCCAUGgAwIBAgIUZu58HeFaqgT6JgpwoNvmhayGQKAwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyNjE0NTczNVoYDzIxMjYxMTAy
MTQ1NzM1WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAASXl8fH/e/aFSZlTIlJtzvZCmOZsSls+HJxhK2ggr4toFCVZ3S1lygW
hYJ8MfOmlqGYNxUO4G/YZNAeFiQmT8LGo28wbTAdBgNVHQ4EFgQUB7kq7BAeK2a3
JeMsQjbqGouwarMwHwYDVR0jBBgwFoAUB7kq7BAeK2a3JeMsQjbqGouwarMwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDRwAwRAIgLQ73Q2d6X2X1/1J0HBLcaMcAGMO8oOaMStBIO+hZvmECIGct
AFlYNbs2nKGFb48YyS1gpwAe8zrsHl4Ye2Q5nmhg
-----END CERTIFICATE-----
`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgCmyml/zIcnQnPmut
HO4+82/uDI5CuK6WLrrwMzEdKSShRANCAASXl8fH/e/aFSZlTIlJtzvZCmOZsSls
+HJxhK2ggr4toFCVZ3S1lygWhYJ8MfOmlqGYNxUO4G/YZNAeFiQmT8LG
-----END PRIVATE KEY-----
`,
};
