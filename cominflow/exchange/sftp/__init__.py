"""SFTP: our own server for the customers' files. An upload exists from its CLOSE on, and not before.

    keys       customers' public keys: read, checked, fingerprinted
    host_key   the server's own key
    packets    the protocol's words: SFTP version 3, as bytes
    coverage   which bytes of a file were sent
    place      a client's path, as one of our folders and a name
    view       what one customer may see and do; the kernel keeps every path inside
    upload     a file being written: staged, then committed or discarded
    download   a file being read, until every byte was sent
    session    requests in, answers out
    door       who may come in (paramiko's ServerInterface)
    server     connections, limits, start and stop

paramiko does SSH (keys, ciphers, channels). The SFTP packets are our own, about twenty of them, because paramiko's
server class decodes every name as UTF-8 (a client may send any bytes), cannot say why it refuses, and leaves the
number of open files to the client. Only `door`, `host_key` and `server` import paramiko.
"""
